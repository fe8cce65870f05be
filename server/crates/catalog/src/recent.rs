//! Answers to what every segment's request asks, kept until the next commit. A player's request
//! then needs no thread that may block: with many players, changing threads cost more than
//! everything else together. What does not belong here: plans, which never change (`plan_cache`).

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::error::Result;
use model::id::TitleId;
use model::segment::{Piece, StoredPiece};
use model::title::Title;

/// Answers of one kind; when there are more, all are forgotten. A title has some 200 bytes without
/// its plan, a piece as many.
const LIMIT: usize = 4096;

/// What was asked since the last commit.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    /// How many transactions have been committed since the start.
    commits: AtomicU64,
    pub(crate) titles: Answers<TitleId, Title>,
    pub(crate) pieces: Answers<(TitleId, Piece), StoredPiece>,
}

/// A state of the catalog, as of which an answer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct AsOf(u64);

impl Recent {
    /// Taken before a question is put to the rows. A commit that comes while they are read makes
    /// the answer old at once, even if it was read after it: that costs one more reading.
    fn now(&self) -> AsOf {
        AsOf(self.commits.load(Ordering::SeqCst))
    }

    /// The answer to `question` if it is known, else what `reading` finds, which is then known.
    pub(crate) async fn answer<K: Eq + Hash, V: Clone>(
        &self,
        answers: &Answers<K, V>,
        question: K,
        reading: impl Future<Output = Result<Option<V>>>,
    ) -> Result<Option<V>> {
        let now = self.now();
        if let Some(known) = answers.get(now, &question) {
            return Ok(Some(known));
        }
        let found = reading.await?;
        if let Some(answer) = &found {
            answers.keep(now, question, answer);
        }
        Ok(found)
    }

    /// After a commit and before anybody hears of it.
    pub(crate) fn forget(&self) {
        self.commits.fetch_add(1, Ordering::SeqCst);
    }
}

/// Answers of one kind.
#[derive(Debug)]
pub(crate) struct Answers<K, V>(Mutex<Kept<K, V>>);

#[derive(Debug)]
struct Kept<K, V> {
    as_of: AsOf,
    answers: HashMap<K, V>,
}

impl<K: Eq + Hash, V: Clone> Answers<K, V> {
    /// The answer, if it was given as of this state.
    fn get(&self, as_of: AsOf, question: &K) -> Option<V> {
        let kept = self.kept();
        let found = kept.answers.get(question);
        found.filter(|_| kept.as_of == as_of).cloned()
    }

    /// Keeps an answer that was read after `as_of` was taken.
    fn keep(&self, as_of: AsOf, question: K, answer: &V) {
        let mut kept = self.kept();
        if kept.as_of != as_of || kept.answers.len() >= LIMIT {
            kept.answers.clear();
            kept.as_of = as_of;
        }
        kept.answers.insert(question, answer.clone());
    }

    fn kept(&self) -> MutexGuard<'_, Kept<K, V>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K, V> Default for Answers<K, V> {
    fn default() -> Self {
        Self(Mutex::new(Kept {
            as_of: AsOf(0),
            answers: HashMap::new(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::{Answers, Recent};

    #[test]
    fn an_answer_holds_until_the_next_commit() {
        let recent = Recent::default();
        let answers = Answers::default();
        let before = recent.now();
        answers.keep(before, "question", &1);
        assert_eq!(answers.get(recent.now(), &"question"), Some(1));
        recent.forget();
        assert_eq!(answers.get(recent.now(), &"question"), None, "it is old");
        answers.keep(before, "question", &2);
        assert_eq!(
            answers.get(recent.now(), &"question"),
            None,
            "it was read before the commit"
        );
    }
}
