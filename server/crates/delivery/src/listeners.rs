//! Who listens to events: how many at the same time in all, and how many for one client, so that
//! one that forgets to hang up does not take the places of the others.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use model::people::{Credential, Principal};

use crate::problem::Problem;
use crate::throttle::Origin;

/// What counts as one client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Client {
    /// A browser that signed in, or a program with its token.
    Known(Credential),
    /// Guests are told apart by where they are.
    Guest(Option<Origin>),
}

/// The open event streams.
#[derive(Debug)]
pub(crate) struct Listeners {
    open: Mutex<HashMap<Client, usize>>,
    most: usize,
    most_of_one: usize,
}

/// The place of one stream; dropping it makes room.
#[derive(Debug)]
pub(crate) struct Place {
    listeners: Arc<Listeners>,
    client: Client,
}

impl Client {
    /// As what a request counts.
    pub(crate) fn of(who: &Principal, origin: Option<Origin>) -> Self {
        match who {
            Principal::Guest => Self::Guest(origin),
            Principal::Person { by, .. } => Self::Known(*by),
        }
    }
}

impl Listeners {
    pub(crate) fn new(most: usize, most_of_one: usize) -> Self {
        Self {
            open: Mutex::default(),
            most,
            most_of_one,
        }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.with(|open| open.values().sum())
    }

    /// A place for one more.
    ///
    /// # Errors
    /// 429 if this client has too many, 503 if all are taken.
    pub(crate) fn admit(self: &Arc<Self>, client: Client) -> Result<Place, Problem> {
        self.with(|open| {
            if open.get(&client).copied().unwrap_or(0) >= self.most_of_one {
                return Err(Problem::too_many(
                    "Too many pages of this browser listen already. Close one.",
                    crate::problem::SHORT_WAIT,
                ));
            }
            if open.values().sum::<usize>() >= self.most {
                return Err(Problem::not_yet("Too many pages listen already."));
            }
            *open.entry(client).or_default() += 1;
            Ok(())
        })?;
        Ok(Place {
            listeners: Arc::clone(self),
            client,
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut HashMap<Client, usize>) -> T) -> T {
        act(&mut self.open.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.listeners.with(|open| {
            if let Some(count) = open.get_mut(&self.client) {
                *count -= 1;
                if *count == 0 {
                    open.remove(&self.client);
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::{Client, Listeners};
    use model::id::SessionId;
    use model::people::Credential;
    use std::sync::Arc;

    #[test]
    fn one_client_does_not_take_the_places_of_the_others() {
        let listeners = Arc::new(Listeners::new(3, 2));
        let [ada, bob] =
            [(); 2].map(|()| Client::Known(Credential::Session(SessionId::generate())));
        let status = |client| listeners.admit(client).map_err(|problem| problem.status());
        let first = status(ada).unwrap();
        let second = status(ada).unwrap();
        assert_eq!(status(ada).unwrap_err(), 429, "two are enough for one");
        let other = status(bob).unwrap();
        assert_eq!(
            status(Client::Guest(None)).unwrap_err(),
            503,
            "all are taken"
        );
        drop(first);
        assert!(status(Client::Guest(None)).is_ok(), "a place became free");
        drop((second, other));
        assert_eq!(listeners.count(), 0, "nobody is remembered");
    }
}
