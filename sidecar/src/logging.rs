//! Log lines to standard error, as text or as JSON: one event, one line, values as fields.

use std::io::IsTerminal;

use tracing::level_filters::LevelFilter;
use tracing::subscriber::SetGlobalDefaultError;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Layer, Registry, fmt};

/// What the modules of this product are named after.
const OURS: &str = "registry_auth";

/// How lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people: time, level, module, message, `key=value`.
    #[default]
    Text,
    /// For programs: one object a line.
    Json,
}

/// What is logged, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Logging {
    /// How lines look.
    pub format: Format,
    /// docker_auth's `--v`: 0 says what changes and what fails, 1 each request (`debug`), 2 and up each step of it
    /// (`trace`). No level shows a secret.
    pub verbosity: u8,
}

impl Logging {
    /// Logs to standard error from now on.
    ///
    /// # Errors
    /// If this process logs already.
    pub fn start(self) -> Result<(), SetGlobalDefaultError> {
        let colour = std::io::stderr().is_terminal();
        tracing::subscriber::set_global_default(self.subscriber(std::io::stderr, colour))
    }

    fn level(self) -> LevelFilter {
        match self.verbosity {
            0 => LevelFilter::INFO,
            1 => LevelFilter::DEBUG,
            _ => LevelFilter::TRACE,
        }
    }

    /// What it amounts to, over any writer.
    fn subscriber<W>(self, writer: W, colour: bool) -> impl tracing::Subscriber + Send + Sync
    where
        W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
    {
        // The libraries below print whole frames from `debug` on, with whatever headers are in them.
        let targets = Targets::new()
            .with_default(LevelFilter::WARN)
            .with_target(OURS, self.level());
        let layer = fmt::layer().with_writer(writer).with_ansi(colour);
        let layer: Box<dyn Layer<Registry> + Send + Sync> = match self.format {
            Format::Text => layer.boxed(),
            Format::Json => layer.json().flatten_event(true).with_current_span(false).boxed(),
        };
        Registry::default().with(layer.with_filter(targets))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: Format, verbosity: u8) -> Vec<String> {
        let lines = Lines::default();
        let writer = lines.clone();
        let logging = Logging { format, verbosity };
        tracing::subscriber::with_default(logging.subscriber(move || writer.clone(), false), || {
            tracing::info!(generation = 42, "configuration in force");
            tracing::debug!(account = "ada", "decided");
            tracing::trace!("step");
            tracing::debug!(target: "h2::codec", "authorization: Basic YQ==");
            tracing::warn!(target: "rustls", "odd");
        });
        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn docker_auths_levels_say_more_and_more_of_us_and_never_what_libraries_debug() {
        for (verbosity, count) in [(0, 2), (1, 3), (2, 4), (9, 4)] {
            let lines = logged(Format::Text, verbosity);
            assert_eq!(lines.len(), count, "{lines:?}");
            assert!(!lines.iter().any(|line| line.contains("Basic")));
        }
    }

    #[test]
    fn a_text_line_has_time_level_message_and_fields() {
        let line = logged(Format::Text, 0).remove(0);
        assert!(
            line.contains("Z  INFO registry_auth_sidecar::logging::tests: configuration in force generation=42"),
            "{line}"
        );
    }

    #[test]
    fn a_json_line_is_one_object_with_the_fields_in_it() {
        let line = logged(Format::Json, 0).remove(0);
        let object: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(object["level"], "INFO");
        assert_eq!(object["message"], "configuration in force");
        assert_eq!(object["generation"], 42);
        assert!(object["timestamp"].as_str().unwrap().ends_with('Z'));
    }
}
