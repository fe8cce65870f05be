//! Places that are taken for long, such as event streams, held requests and connections: how many
//! in all, and how many for one client, so that one who forgets to hang up does not take the
//! places of the others. What does not belong here: what a client without a place is told.

use std::collections::HashMap;
use std::convert::Infallible;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use catalog::wish::Viewer;
use model::people::{Credential, Principal};

use crate::app::App;
use crate::caller::Standing;
use crate::origin::Origin;

/// What counts as one client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Client {
    /// A browser that signed in, or a program with its token.
    Known(Credential),
    /// Guests are told apart by where they are.
    Guest(Origin),
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// This client has as many as one may have.
    OfThisClient,
    /// All are taken.
    OfAll,
}

/// Places of clients that are told apart by a `K`.
#[derive(Debug)]
pub(crate) struct Room<K: Copy + Eq + Hash> {
    taken: Mutex<HashMap<K, usize>>,
    most: usize,
    most_of_one: usize,
}

/// One place; dropping it makes room.
#[derive(Debug)]
pub(crate) struct Place<K: Copy + Eq + Hash> {
    room: Arc<Room<K>>,
    client: K,
}

impl Client {
    /// As what a request counts.
    fn of(who: &Principal, origin: Origin) -> Self {
        match who {
            Principal::Guest => Self::Guest(origin),
            Principal::Person { by, .. } => Self::Known(*by),
        }
    }

    /// As whom it waits for parts of films.
    pub(crate) fn viewer(self) -> Viewer {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        Viewer(hasher.finish())
    }
}

impl FromRequestParts<App> for Client {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let origin = Origin::from_request_parts(parts, app).await?;
        let standing = parts.extensions.get::<Standing>();
        let who = standing.map_or(&Principal::Guest, |standing| &standing.who);
        Ok(Self::of(who, origin))
    }
}

impl<K: Copy + Eq + Hash> Room<K> {
    pub(crate) fn new(most: usize, most_of_one: usize) -> Self {
        Self {
            taken: Mutex::default(),
            most,
            most_of_one,
        }
    }

    /// How many places are taken.
    pub(crate) fn count(&self) -> usize {
        self.with(|taken| taken.values().sum())
    }

    /// A place for `client`.
    pub(crate) fn admit(self: &Arc<Self>, client: K) -> Result<Place<K>, Full> {
        self.with(|taken| {
            if taken.get(&client).copied().unwrap_or(0) >= self.most_of_one {
                return Err(Full::OfThisClient);
            }
            if taken.values().sum::<usize>() >= self.most {
                return Err(Full::OfAll);
            }
            *taken.entry(client).or_default() += 1;
            Ok(())
        })?;
        Ok(Place {
            room: Arc::clone(self),
            client,
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut HashMap<K, usize>) -> T) -> T {
        act(&mut self.taken.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<K: Copy + Eq + Hash> Drop for Place<K> {
    fn drop(&mut self) {
        self.room.with(|taken| {
            if let Some(count) = taken.get_mut(&self.client) {
                *count -= 1;
                if *count == 0 {
                    taken.remove(&self.client);
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::{Full, Room};
    use std::sync::Arc;

    #[test]
    fn one_client_does_not_take_the_places_of_the_others() {
        let room = Arc::new(Room::new(3, 2));
        let first = room.admit("ada").unwrap();
        let second = room.admit("ada").unwrap();
        let third = room.admit("ada").unwrap_err();
        assert_eq!(third, Full::OfThisClient, "two are enough for one");
        let other = room.admit("bob").unwrap();
        assert_eq!(room.admit("eve").unwrap_err(), Full::OfAll);
        drop(first);
        assert!(room.admit("eve").is_ok(), "a place became free");
        drop((second, other));
        assert_eq!(room.count(), 0, "nobody is remembered");
    }
}
