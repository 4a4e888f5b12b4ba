//! The rate of opening handshakes.

use std::{convert::Infallible, future::pending, rc::Rc, time::Instant};

use bytes::BytesMut;

use super::{error::LoadError, opening::Opener, run::Run};

/// Opens a connection and ends it, again and again, until the run drains.
///
/// # Errors
///
/// When one does not open as it should.
pub(super) async fn connect(
    run: Rc<Run>,
    opener: Rc<Opener>,
    index: usize,
) -> Result<Infallible, LoadError> {
    let mut src = BytesMut::new();
    let mut index = index;
    while !run.is_draining.get() {
        let since = Instant::now();
        let connection = opener.open(&run, index, &mut src).await?;
        run.record(since.elapsed());
        run.count_messages(1);
        connection.reset();
        index += 1;
    }
    run.is_done_waiting();
    pending().await
}
