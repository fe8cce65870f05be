//! The bytes of an object as they come from a bucket: exactly as many as were promised, in blocks
//! of bounded length, and not too slowly. What does not belong here: asking for them.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt, try_unfold};
use tokio::time::Instant;

use crate::BLOCK_BYTES;
use crate::bucket::wire::time_for;

type Blocks = BoxStream<'static, object_store::Result<Bytes>>;

struct Inflow {
    blocks: Blocks,
    /// Came already, but is longer than a block may be.
    rest: Bytes,
    left_bytes: u64,
    got_bytes: u64,
    /// Time that was spent waiting for the server; a slow player costs none.
    waited: Duration,
}

/// Passes `blocks` on and ends in an error unless they are `size_bytes` together.
pub(super) fn exactly(blocks: Blocks, size_bytes: u64) -> BoxStream<'static, io::Result<Bytes>> {
    let inflow = Inflow {
        blocks,
        rest: Bytes::new(),
        left_bytes: size_bytes,
        got_bytes: 0,
        waited: Duration::ZERO,
    };
    try_unfold(inflow, |mut inflow| async move {
        Ok(inflow.next().await?.map(|block| (block, inflow)))
    })
    .boxed()
}

impl Inflow {
    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        while self.rest.is_empty() {
            if self.left_bytes == 0 {
                return Ok(None);
            }
            self.rest = self.receive().await?;
            let length = self.rest.len() as u64;
            let left_bytes = self.left_bytes.checked_sub(length);
            self.left_bytes = left_bytes.ok_or_else(|| broken("the object is longer than told"))?;
            self.got_bytes += length;
        }
        let room = self.rest.len().min(BLOCK_BYTES);
        Ok(Some(self.rest.split_to(room)))
    }

    async fn receive(&mut self) -> io::Result<Bytes> {
        let began = Instant::now();
        let patience = time_for(self.got_bytes).saturating_sub(self.waited);
        let block = tokio::time::timeout(patience, self.blocks.next()).await;
        self.waited += began.elapsed();
        match block {
            Ok(Some(Ok(block))) => Ok(block),
            Ok(Some(Err(error))) => Err(io::Error::other(error)),
            Ok(None) => Err(broken("the object is shorter than told")),
            Err(_elapsed) => Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "the bucket stopped in the middle of an object",
            )),
        }
    }
}

fn broken(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, what)
}

#[cfg(test)]
mod tests {
    use super::exactly;
    use bytes::Bytes;
    use futures::stream::{self, StreamExt, TryStreamExt};
    use std::io;

    async fn passed(blocks: &[usize], size_bytes: u64) -> io::Result<Vec<usize>> {
        let blocks: Vec<_> = blocks
            .iter()
            .map(|length| Ok(Bytes::from(vec![7; *length])))
            .collect();
        let stream = exactly(stream::iter(blocks).boxed(), size_bytes);
        stream.map_ok(|block| block.len()).try_collect().await
    }

    #[tokio::test]
    async fn only_the_promised_length_passes() {
        assert_eq!(passed(&[3, 0, 4], 7).await.unwrap(), [3, 4]);
        assert_eq!(passed(&[], 0).await.unwrap(), [0; 0]);
        assert_eq!(
            passed(&[65_536 + 1], 65_537).await.unwrap(),
            [65_536, 1],
            "blocks are bounded"
        );
        assert!(passed(&[3], 7).await.is_err(), "never a silent gap");
        assert!(passed(&[8], 7).await.is_err(), "never foreign bytes");
    }

    #[tokio::test(start_paused = true)]
    async fn a_trickle_is_broken_off() {
        let trickle = stream::repeat(()).then(|()| async {
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            Ok(Bytes::from_static(b"x"))
        });
        let mut stream = exactly(trickle.boxed(), 1_000_000);
        let mut got = 0;
        let error = loop {
            match stream.next().await {
                Some(Ok(_)) => got += 1,
                Some(Err(error)) => break error,
                None => panic!("a million bytes did not come"),
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(
            got < 20,
            "a byte a second is given up soon, not after {got}"
        );
    }
}
