//! Decoded plans of titles that were asked for lately. A plan never changes once it is written,
//! so an entry is right for as long as its title and generation are asked for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::id::TitleId;
use model::plan::Plan;
use rusqlite::Connection;

use crate::failure::Outcome;
use crate::table::plans::{self, PlanRow};
use crate::table::titles::TitleRow;

/// How much JSON the decoded plans may have come from. A two-hour film has about 200 kB and
/// takes half of that once decoded, so this holds two pages of long films in 12 MB.
const LIMIT_BYTES: usize = 24 * 1024 * 1024;

/// Whose plan: a title and its generation.
pub(crate) type PlanKey = (TitleId, u32);

/// A bounded cache that drops what was not used for longest.
#[derive(Debug, Default)]
pub(crate) struct PlanCache {
    entries: Mutex<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    plans: HashMap<PlanKey, Entry>,
    size_bytes: usize,
    /// Counts uses; the order of last use.
    uses: u64,
}

#[derive(Debug)]
struct Entry {
    plan: Arc<Plan>,
    size_bytes: usize,
    last_use: u64,
}

impl PlanCache {
    /// Gives each of `rows` its plan, with at most one statement for all that are not here.
    pub(crate) fn fill(&self, connection: &Connection, rows: &mut [TitleRow]) -> Outcome<()> {
        let mut missing = HashMap::new();
        for (index, row) in rows.iter_mut().enumerate() {
            if !row.has_plan {
                continue;
            }
            row.title.plan = self.get((row.title.id, row.title.generation));
            if row.title.plan.is_none() {
                missing.insert(row.serial, index);
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        for stored in plans::of_titles(connection, &serial_list(missing.keys()))? {
            let index = missing.get(&stored.title_serial);
            let Some(row) = index.and_then(|index| rows.get_mut(*index)) else {
                continue;
            };
            row.title.plan = self.decode(row.title.id, &stored);
        }
        Ok(())
    }

    /// The plan of one title.
    pub(crate) fn fill_one(&self, connection: &Connection, row: &mut TitleRow) -> Outcome<()> {
        self.fill(connection, std::slice::from_mut(row))
    }

    /// A plan that cannot be read counts as none, so that one damaged row does not hide a whole
    /// page; `homereel check` reports it.
    fn decode(&self, title: TitleId, stored: &PlanRow) -> Option<Arc<Plan>> {
        match serde_json::from_str(&stored.json) {
            Ok(plan) => {
                let plan = Arc::new(plan);
                self.keep(
                    (title, stored.generation),
                    Arc::clone(&plan),
                    stored.json.len(),
                );
                Some(plan)
            }
            Err(error) => {
                tracing::warn!(%title, %error, "the stored plan of a title cannot be read");
                None
            }
        }
    }

    /// The plan, if it is here.
    pub(crate) fn get(&self, key: PlanKey) -> Option<Arc<Plan>> {
        let mut entries = self.entries();
        entries.uses += 1;
        let now = entries.uses;
        let entry = entries.plans.get_mut(&key)?;
        entry.last_use = now;
        Some(Arc::clone(&entry.plan))
    }

    /// Keeps a plan that was decoded from `size_bytes` of JSON.
    pub(crate) fn keep(&self, key: PlanKey, plan: Arc<Plan>, size_bytes: usize) {
        let mut entries = self.entries();
        entries.remove(key);
        entries.uses += 1;
        let last_use = entries.uses;
        entries.size_bytes += size_bytes;
        let entry = Entry {
            plan,
            size_bytes,
            last_use,
        };
        entries.plans.insert(key, entry);
        entries.make_room();
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The array in JSON that statements on several titles take.
pub(crate) fn serial_list<'a>(serials: impl Iterator<Item = &'a i64>) -> String {
    let words: Vec<String> = serials.map(ToString::to_string).collect();
    format!("[{}]", words.join(","))
}

impl Entries {
    /// Looking through all entries is cheap beside decoding the plan that made it necessary.
    fn make_room(&mut self) {
        while self.size_bytes > LIMIT_BYTES {
            let oldest = self
                .plans
                .iter()
                .min_by_key(|(_, entry)| entry.last_use)
                .map(|(key, _)| *key);
            let Some(oldest) = oldest else { return };
            self.remove(oldest);
        }
    }

    fn remove(&mut self, key: PlanKey) {
        if let Some(entry) = self.plans.remove(&key) {
            self.size_bytes -= entry.size_bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::id::TitleId;

    use super::{LIMIT_BYTES, PlanCache};
    use crate::testing::plan_of;

    #[test]
    fn the_plan_that_was_not_used_for_longest_goes_first() {
        let cache = PlanCache::default();
        let [first, second, third] = [1, 2, 3].map(|_| (TitleId::generate(), 1));
        let plan = Arc::new(plan_of(1, 1, 4));
        cache.keep(first, Arc::clone(&plan), LIMIT_BYTES / 2);
        cache.keep(second, Arc::clone(&plan), LIMIT_BYTES / 2);
        assert!(
            cache.get(first).is_some(),
            "both fit; now the first is the fresher"
        );
        cache.keep(third, Arc::clone(&plan), LIMIT_BYTES / 4);
        assert!(cache.get(second).is_none(), "it was not used for longest");
        assert!(cache.get(first).is_some() && cache.get(third).is_some());
    }

    #[test]
    fn a_plan_too_big_for_the_cache_is_not_kept() {
        let cache = PlanCache::default();
        let key = (TitleId::generate(), 1);
        cache.keep(key, Arc::new(plan_of(1, 1, 4)), LIMIT_BYTES + 1);
        assert!(
            cache.get(key).is_none(),
            "the bound holds for one plan, too"
        );
    }
}
