//! Which rungs of a ladder are worth making, judged by what the source's own bytes can feed. A pure
//! rule, on the careful side: a rung that is made in vain costs an hour of encoding once, one that
//! is missing costs a viewer the film.
//!
//! What does not belong here: which rungs there could be (`ladder`), and how many bytes a source
//! has (the worker counts them).

use crate::ladder::{Rung, Size};

/// A picture that asks for less than half of what the lowest step of the ladder does loads wherever
/// that one would: nothing below it helps anybody. Average and densest segment, in bits per second.
const LIGHT: Rates = Rates {
    average_bps: 300_000,
    peak_bps: 600_000,
};

/// A rung is worth its place below a copy if it asks for this much less of the network at least,
/// in percent.
const WORTHWHILE_PERCENT: u64 = 20;

/// What a picture asks of the network, in bits per second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// Over the whole title.
    pub average_bps: u32,
    /// In its densest segment.
    pub peak_bps: u32,
}

/// What is known of the source's picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Supply {
    /// Upright, with square pixels.
    pub size: Size,
    /// What H.264 takes at most to say the same; nothing is left out where it is zero.
    pub rates: Rates,
}

/// Why a rung is not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The rung of that name loads anywhere already.
    Light(u32),
    /// It would look worse than the rung of that name and hardly ask for less.
    NoCheaper(u32),
}

/// What is left of a ladder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// What is encoded, lowest first, never nothing.
    pub encoded: Vec<Rung>,
    /// The names of what is not, lowest first, with the reasons.
    pub left_out: Vec<(u32, Reason)>,
}

/// Leaves out what adds nothing to the rungs above it. The highest picture always stays, be it
/// encoded or `copied`; of the encoded ones at least the lowest, because a copy has the damage of
/// its source and somebody has to stand in for it.
pub fn prune(encoded: &[Rung], copied: Option<&Rung>, supply: Supply) -> Pruned {
    let mut pruned = Pruned::default();
    let mut above = copied.map(|copied| (copied.name(), rates_of(copied)));
    for (index, rung) in encoded.iter().enumerate().rev() {
        let copied = copied.filter(|_| pruned.encoded.is_empty());
        let reason = above
            .and_then(|(name, rates)| is_light(rates).then_some(Reason::Light(name)))
            .or_else(|| copied.and_then(|copied| no_cheaper(rung, copied)));
        let stands_in = index == 0 && pruned.encoded.is_empty();
        match reason.filter(|_| supply.rates.average_bps > 0 && !stands_in) {
            Some(reason) => pruned.left_out.push((rung.name(), reason)),
            None => {
                pruned.encoded.push(*rung);
                above = Some((rung.name(), expected(rung, supply)));
            }
        }
    }
    pruned.encoded.reverse();
    pruned.left_out.reverse();
    pruned
}

fn rates_of(rung: &Rung) -> Rates {
    Rates {
        average_bps: rung.average_bps,
        peak_bps: rung.peak_bps,
    }
}

fn is_light(rates: Rates) -> bool {
    rates.average_bps <= LIGHT.average_bps && rates.peak_bps <= LIGHT.peak_bps
}

/// The copy itself asks for hardly more than `rung` would.
fn no_cheaper(rung: &Rung, copied: &Rung) -> Option<Reason> {
    let is_close = |ours: u32, copys: u32| {
        let fed = scaled(copys, rung.size, copied.size);
        fed.min(u64::from(ours)) * 100 > u64::from(copys) * (100 - WORTHWHILE_PERCENT)
    };
    let is_no_cheaper =
        is_close(rung.average_bps, copied.average_bps) && is_close(rung.peak_bps, copied.peak_bps);
    is_no_cheaper.then_some(Reason::NoCheaper(copied.name()))
}

/// What a rung will ask for: not more than planned, and not more than the source has for it.
fn expected(rung: &Rung, supply: Supply) -> Rates {
    let share = |bps: u32, most: u32| {
        let fed = scaled(bps, rung.size, supply.size);
        u32::try_from(fed.min(u64::from(most))).unwrap_or(most)
    };
    Rates {
        average_bps: share(supply.rates.average_bps, rung.average_bps),
        peak_bps: share(supply.rates.peak_bps, rung.peak_bps),
    }
}

/// Bits grow with the pixels, to the power of 0.82 to 0.89 on recordings of cameras; three quarters
/// expects rather too much of small pictures.
fn scaled(bps: u32, to: Size, from: Size) -> u64 {
    let pixels = |size: Size| u64::from(size.width.max(1)) * u64::from(size.height.max(1));
    let (to, from) = (pixels(to).min(pixels(from)), pixels(from));
    // In 65,536ths, whose third power still fits.
    let share = u128::from(to) * 65_536 / u128::from(from);
    let power = (share.pow(3) * 65_536).isqrt().isqrt();
    u64::try_from(u128::from(bps) * power / 65_536).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{Pruned, Rates, Reason, Supply, expected, is_light, prune};
    use crate::ladder::{Rung, Size, rungs_for};
    use proptest::prelude::{any, proptest};

    const FULL_HD: Size = Size {
        width: 1920,
        height: 1080,
    };

    fn supply(size: Size, average_bps: u32, peak_bps: u32) -> Supply {
        let rates = Rates {
            average_bps,
            peak_bps,
        };
        Supply { size, rates }
    }

    fn names(pruned: &Pruned) -> Vec<u32> {
        pruned.encoded.iter().map(Rung::name).collect()
    }

    fn check(what: &str, source: Supply, is_copied: bool, expected: &[u32]) {
        let copied = is_copied.then_some(Rung {
            size: source.size,
            average_bps: source.rates.average_bps,
            peak_bps: source.rates.peak_bps,
        });
        let mut encoded = rungs_for(source.size, 1080);
        if copied.is_some_and(|copied| Some(copied.size) == encoded.last().map(|top| top.size)) {
            encoded.pop();
        }
        let pruned = prune(&encoded, copied.as_ref(), source);
        assert_eq!(names(&pruned), expected, "{what}: {:?}", pruned.left_out);
        assert_eq!(
            pruned.encoded.len() + pruned.left_out.len(),
            encoded.len(),
            "{what}: every rung is made or told of"
        );
    }

    #[test]
    fn what_loads_anywhere_needs_nothing_below_it() {
        let all = [360, 480, 720, 1080];
        let film = |average, peak| supply(FULL_HD, average, peak);
        check("a film", film(5_000_000, 9_000_000), false, &all);
        check("a sparse film", film(700_000, 1_500_000), false, &all[1..]);
        check("a bursting one", film(700_000, 3_500_000), false, &all);
        check("a talk with slides", film(260_000, 500_000), false, &[1080]);
        check(
            "slides with a film between them",
            film(260_000, 2_500_000),
            false,
            &all,
        );
        check(
            "a lively talk",
            film(600_000, 1_100_000),
            false,
            &[480, 720, 1080],
        );
        check("a copied film", film(5_000_000, 9_000_000), true, &all[..3]);
        check("a copied talk", film(260_000, 500_000), true, &[360]);
        check("of no known size", film(0, 0), false, &all);
    }

    #[test]
    fn what_is_hardly_cheaper_than_the_copy_above_it_is_left_out() {
        let of = |width, height| supply(Size { width, height }, 900_000, 1_400_000);
        check("540 lines", of(960, 540), true, &[360]);
        check("576 lines", of(1024, 576), true, &[360, 480]);
        check("800 lines", of(1280, 800), true, &[360, 480]);
        check("900 lines", of(1600, 900), true, &[360, 480, 720]);
        check("400 lines: somebody stands in", of(640, 400), true, &[360]);
        check(
            "540 lines that are encoded",
            of(960, 540),
            false,
            &[360, 480],
        );
    }

    #[test]
    fn the_reasons_name_the_rung_that_does_instead() {
        let rungs = rungs_for(FULL_HD, 1080);
        let pruned = prune(&rungs, None, supply(FULL_HD, 600_000, 1_100_000));
        assert_eq!(pruned.left_out, [(360, Reason::Light(480))]);
        let size = Size {
            width: 960,
            height: 540,
        };
        let copied = Rung {
            size,
            average_bps: 900_000,
            peak_bps: 1_000_000,
        };
        let rungs = rungs_for(size, 1080);
        let pruned = prune(&rungs, Some(&copied), supply(size, 900_000, 1_000_000));
        assert_eq!(pruned.left_out, [(480, Reason::NoCheaper(540))]);
    }

    #[test]
    fn a_rung_asks_for_its_share_of_the_source() {
        let rungs = rungs_for(FULL_HD, 1080);
        let rate = |index: usize, source| expected(&rungs[index], source).average_bps;
        let sparse = supply(FULL_HD, 1_000_000, 1_000_000);
        let shares: Vec<u32> = (0..4).map(|index| rate(index, sparse)).collect();
        assert_eq!(shares, [192_428, 296_447, 544_326, 1_000_000]);
        let rich = supply(FULL_HD, 50_000_000, 50_000_000);
        assert_eq!(rate(3, rich), 4_800_000, "never more than planned");
        let tiny = supply(
            Size {
                width: 1,
                height: 1,
            },
            1_000,
            1_000,
        );
        assert_eq!(rate(3, tiny), 1_000, "never more than the source");
    }

    proptest! {
        #[test]
        fn every_screen_keeps_a_picture(
            width in 1..9_000_u32, height in 1..9_000_u32, top in 0..2_000_u32,
            average in 0..90_000_000_u32, bursts in 1..9_u32, is_copied in any::<bool>(),
        ) {
            let source = supply(Size { width, height }, average, average.saturating_mul(bursts));
            let encoded = rungs_for(source.size, top);
            let copied = is_copied.then_some(Rung {
                size: source.size,
                average_bps: average,
                peak_bps: source.rates.peak_bps,
            });
            let pruned = prune(&encoded, copied.as_ref(), source);
            let places = pruned.encoded.iter().map(|rung| encoded.iter().position(|other| other == rung));
            assert!(places.clone().all(|place| place.is_some()) && places.is_sorted());
            assert!(!pruned.encoded.is_empty(), "somebody stands in for the copy");
            assert!(is_copied || pruned.encoded.last() == encoded.last(), "the top stays");
            let lowest_is_made = pruned.encoded.first() == encoded.first();
            let loads_anywhere = pruned.encoded.iter().any(|rung| is_light(expected(rung, source)));
            assert!(lowest_is_made || loads_anywhere, "a weak network carries something");
        }

        #[test]
        fn a_richer_source_loses_no_rung(
            average in 1..20_000_000_u32, more in 0..20_000_000_u32, bursts in 1..9_u32,
        ) {
            let kept = |average: u32| {
                let source = supply(FULL_HD, average, average.saturating_mul(bursts));
                names(&prune(&rungs_for(FULL_HD, 1080), None, source))
            };
            let (poor, rich) = (kept(average), kept(average + more));
            assert!(poor.iter().all(|name| rich.contains(name)), "{poor:?} and {rich:?}");
        }
    }
}
