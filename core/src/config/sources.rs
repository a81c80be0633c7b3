//! Where a configuration gets what is not written in it.

use crate::problem::{Place, Problems};
use crate::secret::Secret;

/// Environment variables by name. In Envoy's module only those arrive that `host_env_keys` names.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<Secret<String>>;

/// Files by their path as it is written; the error is told after the path.
pub type Files<'a> = &'a dyn Fn(&str) -> Result<Secret<String>, String>;

/// What is there beside the configuration itself.
#[derive(Clone, Copy)]
pub struct Sources<'a> {
    /// Environment variables.
    pub environment: Environment<'a>,
    /// Files. Without them the configuration is that of a proxy, which reads none, and which holds only what a proxy
    /// can do.
    pub files: Option<Files<'a>>,
}

impl<'a> Sources<'a> {
    /// What a proxy has.
    #[must_use]
    pub fn of_a_proxy(environment: Environment<'a>) -> Self {
        Self {
            environment,
            files: None,
        }
    }

    /// The value of the environment variable `name`, or an error that says how it gets here.
    pub(super) fn variable(self, name: &str, place: &Place, problems: &mut Problems) -> Option<Secret<String>> {
        let value = (self.environment)(name).filter(|value| !value.expose().is_empty());
        if value.is_none() {
            let mend = match self.files {
                None => "; set it for Envoy, and name it in `vm_config.environment_variables.host_env_keys`",
                Some(_) => "",
            };
            problems.error(place, format_args!("environment variable `{name}` is not set{mend}"));
        }
        value
    }

    /// The content of the file `path`, or an error.
    pub fn file(self, path: &str, place: &Place, problems: &mut Problems) -> Option<Secret<String>> {
        let Some(files) = self.files else {
            problems.error(place, "names a file, and no file is read here");
            return None;
        };
        let content = files(path).map_err(|reason| format!("cannot read `{path}`: {reason}"));
        problems.keep(place, content)
    }

    /// PEM text, as written or from the file that is written instead. `key_env` names a variable in its place.
    pub(super) fn pem(
        self,
        text: Secret<String>,
        place: &Place,
        key_env: &str,
        problems: &mut Problems,
    ) -> Option<Secret<String>> {
        if text.expose().trim_start().starts_with("-----BEGIN") {
            return Some(text);
        }
        if self.files.is_some() {
            return self.file(text.expose(), place, problems);
        }
        problems.error(
            place,
            format_args!("must hold PEM text that begins with `-----BEGIN`: no file is read here; or name an environment variable with `{key_env}`"),
        );
        None
    }
}
