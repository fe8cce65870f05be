//! Beginning a title anew: what was made from its former plan becomes garbage, in the same
//! transaction in which the generation is counted on.

use model::change::Change;

use crate::Write;
use crate::failure::Outcome;
use crate::table::pieces::Whose;
use crate::table::titles::TitleRow;
use crate::table::{garbage, pieces, plans, stream_totals, titles, units};

/// Which rows belong to a title's present plan.
pub(crate) fn present(row: &TitleRow) -> Whose {
    Whose {
        title_serial: row.serial,
        generation: row.title.generation,
    }
}

/// Leaves the title without plan, pieces and units, in a new generation, whose number it
/// returns. The caller moves the job, and with it the title's state.
pub(crate) fn begin(write: &mut Write<'_>, row: &TitleRow) -> Outcome<u32> {
    let transaction = &write.transaction;
    for stored in pieces::of_title(transaction, row.title.id)? {
        garbage::insert(transaction, stored.place, &stored.key)?;
    }
    pieces::delete_all(transaction, row.serial)?;
    stream_totals::delete_all(transaction, row.serial)?;
    units::delete_all(transaction, row.serial)?;
    plans::delete(transaction, row.serial)?;
    let next = row.title.generation + 1;
    titles::set_generation(transaction, row.serial, next)?;
    write.announce(Change::Title(row.title.id));
    Ok(next)
}
