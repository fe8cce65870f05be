//! What the file says of itself, on the title's timeline.

use media_proto::VIDEO_TIMESCALE;
use media_proto::message::{ChapterInspection, TagsInspection};

use crate::av::input::Input;
use crate::inspect::Span;
use crate::timeline::Timeline;

/// On the timeline, in order, each begin once: of several that begin before it, the last.
pub(super) fn chapters(input: &Input, span: Span) -> Vec<ChapterInspection> {
    let chapters = input.chapters().into_iter().map(|chapter| {
        let clock = Timeline::new(chapter.time_base, span.origin, VIDEO_TIMESCALE);
        ChapterInspection {
            start: clock.ticks(chapter.start),
            title: chapter.title,
        }
    });
    in_order(chapters.collect(), span.length)
}

fn in_order(mut chapters: Vec<ChapterInspection>, end: i64) -> Vec<ChapterInspection> {
    chapters.sort_by_key(|chapter| chapter.start);
    let mut kept: Vec<ChapterInspection> = Vec::with_capacity(chapters.len());
    for mut chapter in chapters.into_iter().filter(|chapter| chapter.start < end) {
        chapter.start = chapter.start.max(0);
        if kept.last().is_some_and(|last| last.start == chapter.start) {
            kept.pop();
        }
        kept.push(chapter);
    }
    kept
}

pub(super) fn tags(input: &Input) -> TagsInspection {
    let tags = input.tags();
    TagsInspection {
        title: tags.title,
        date: tags.date,
        artist: tags.artist,
        album: tags.album,
        comment: tags.comment,
    }
}

#[cfg(test)]
mod tests {
    use super::in_order;
    use media_proto::message::ChapterInspection;

    #[test]
    fn chapters_are_within_the_title_and_rise() {
        let chapter = |(start, title): (i64, &str)| ChapterInspection {
            start,
            title: Some(title.into()),
        };
        let found = [(500, "c"), (-9, "a"), (-2, "b"), (500, "d"), (1_000, "e")];
        let kept = in_order(found.map(chapter).to_vec(), 1_000);
        assert_eq!(kept, [(0, "b"), (500, "d")].map(chapter));
    }
}
