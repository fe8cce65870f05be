//! How much a form may send without a part coming out of it. The parser keeps all that it was
//! given until it finds the beginning of a part or the end of its headers, and takes as much as
//! comes at once; so it is given one piece at a time, and no more once it sits on too much.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::Stream;

use crate::doors::ByteStream;

/// Far more than headers of a part need, and a few reads from the network.
const MOST_BYTES: usize = 256 * 1024;

/// What the parser was given and has not turned into anything yet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Budget(Arc<AtomicUsize>);

/// The bytes of a form as far as the budget goes.
pub(crate) struct Budgeted {
    bytes: ByteStream,
    budget: Budget,
    /// The last piece was just given: the parser has to look at it first.
    given: bool,
}

impl Budget {
    /// Something came out of the parser.
    pub(crate) fn renew(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    /// `bytes`, which fail once the budget is used up.
    pub(crate) fn over(&self, bytes: ByteStream) -> Budgeted {
        Budgeted {
            bytes,
            budget: self.clone(),
            given: false,
        }
    }

    fn spend(&self, bytes: &Bytes) -> io::Result<()> {
        let spent = self.0.fetch_add(bytes.len(), Ordering::Relaxed) + bytes.len();
        if spent <= MOST_BYTES {
            return Ok(());
        }
        Err(io::Error::other("no part of the form in so many bytes"))
    }
}

impl Stream for Budgeted {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if std::mem::take(&mut self.given) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let item = std::task::ready!(self.bytes.as_mut().poll_next(context));
        self.given = item.is_some();
        Poll::Ready(item.map(|bytes| {
            let bytes = bytes?;
            self.budget.spend(&bytes)?;
            Ok(bytes)
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::{Budget, MOST_BYTES};
    use bytes::Bytes;
    use futures::{StreamExt, stream};

    fn endless() -> crate::doors::ByteStream {
        let piece = Bytes::from(vec![b'x'; 64 * 1024]);
        Box::pin(stream::repeat_with(move || Ok(piece.clone())))
    }

    #[tokio::test]
    async fn what_leads_to_nothing_ends() {
        let mut given = 0;
        let mut bytes = Budget::default().over(endless());
        while let Some(Ok(piece)) = bytes.next().await {
            given += piece.len();
        }
        assert_eq!(given, MOST_BYTES);
    }

    #[tokio::test]
    async fn what_becomes_something_may_go_on() {
        let budget = Budget::default();
        let mut bytes = budget.over(endless());
        for _ in 0..1_000 {
            assert!(bytes.next().await.unwrap().is_ok());
            budget.renew();
        }
    }

    #[tokio::test]
    async fn pieces_are_given_one_at_a_time() {
        let mut bytes = Budget::default().over(endless());
        assert!(futures::poll!(bytes.next()).is_ready());
        assert!(
            futures::poll!(bytes.next()).is_pending(),
            "look at it first"
        );
        assert!(futures::poll!(bytes.next()).is_ready());
    }
}
