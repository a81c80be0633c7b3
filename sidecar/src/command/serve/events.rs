//! What has the running program do something.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, sleep_until};

use crate::config::watch::Watch;
use crate::lists::{Ear, Heard};

/// How long after news the next are heard.
const BETWEEN_NEWS: Duration = Duration::from_millis(200);

/// What the program is told from outside.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
    /// When news are heard again.
    next_news: Instant,
}

/// What it is told.
pub(super) enum Event {
    /// The files are to be read again, and why.
    Changed(&'static str),
    /// There is news of lists or accounts.
    Heard(Heard),
    /// What is in force need not be marked any longer.
    MarkIsOver,
    /// It is to end, by this signal.
    Stop(&'static str),
}

impl Signals {
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
            next_news: Instant::now(),
        })
    }

    /// Waits for what comes next.
    pub(super) async fn next(&mut self, watch: &mut Watch, ear: &mut Ear, marked: Option<Instant>) -> Event {
        let heard = async {
            // Whoever tells of changes without end has as many generations as one for each pause.
            sleep_until(self.next_news).await;
            ear.heard().await
        };
        let mark_is_over = async {
            match marked {
                Some(until) => sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.terminate.recv() => Event::Stop("SIGTERM"),
            _ = self.interrupt.recv() => Event::Stop("SIGINT"),
            _ = self.hang_up.recv() => Event::Changed("SIGHUP"),
            () = watch.changed() => Event::Changed("a file changed"),
            heard = heard => {
                let now = Instant::now();
                self.next_news = now.checked_add(BETWEEN_NEWS).unwrap_or(now);
                Event::Heard(heard)
            }
            () = mark_is_over => Event::MarkIsOver,
        }
    }
}
