//! That a list is another one, told to whoever makes the next generation.

use tokio::sync::watch;

/// What there was news of so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Count {
    lists: u64,
    told: u64,
    asked: u64,
}

/// Where news come from; however much there is that nobody heard yet, it is heard as one.
#[derive(Debug, Default)]
pub struct News(watch::Sender<Count>);

/// Where news are heard.
#[derive(Debug)]
pub struct Ear {
    counts: watch::Receiver<Count>,
    heard: Count,
}

/// What there is news of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A list is another one.
    List,
    /// A database says so: what is remembered of accounts may be wrong, too.
    Told,
    /// Somebody who changed a database says so: lists are to be read again first.
    Asked,
}

impl News {
    /// A list is another one.
    pub fn changed(&self) {
        self.0.send_modify(|count| count.lists = count.lists.wrapping_add(1));
    }

    /// A database told of a change.
    pub fn told(&self) {
        self.0.send_modify(|count| count.told = count.told.wrapping_add(1));
    }

    /// Somebody changed a database.
    pub fn asked(&self) {
        self.0.send_modify(|count| count.asked = count.asked.wrapping_add(1));
    }

    /// Hears of all that comes from now on.
    #[must_use]
    pub fn ear(&self) -> Ear {
        let counts = self.0.subscribe();
        let heard = *counts.borrow();
        Ear { counts, heard }
    }
}

impl Ear {
    /// Waits for news.
    pub async fn heard(&mut self) -> Heard {
        let before = self.heard;
        let found = self.counts.wait_for(|count| *count != before).await.map(|count| *count);
        let Ok(found) = found else {
            // Nobody is left who could tell.
            return std::future::pending().await;
        };
        self.heard = found;
        if found.asked != before.asked {
            Heard::Asked
        } else if found.told != before.told {
            Heard::Told
        } else {
            Heard::List
        }
    }

    /// Passes over what came so far: whoever looks now sees it.
    pub fn catch_up(&mut self) {
        self.heard = *self.counts.borrow_and_update();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn news_are_heard_once_and_those_of_accounts_outdo_those_of_lists() {
        let news = News::default();
        let mut ear = news.ear();
        news.changed();
        news.told();
        news.changed();
        assert_eq!(ear.heard().await, Heard::Told);
        news.changed();
        assert_eq!(ear.heard().await, Heard::List);
        news.told();
        news.asked();
        assert_eq!(ear.heard().await, Heard::Asked);
        news.told();
        ear.catch_up();
        tokio::select! {
            biased;
            heard = ear.heard() => panic!("heard again: {heard:?}"),
            () = std::future::ready(()) => {}
        }
    }
}
