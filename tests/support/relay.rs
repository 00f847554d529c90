//! Stands between an agent and one that it talks to, and lets through what it is told to.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::watch;

/// What becomes of what is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// It passes.
    Pass,
    /// It passes after a while.
    Slow(Duration),
    /// It waits, and nobody is told.
    Hold,
    /// Connections are ended, and new ones too.
    Cut,
}

/// See the module. It ends with the runtime.
#[derive(Debug)]
pub(crate) struct Relay {
    /// Where it listens on 127.0.0.1.
    pub(crate) port: u16,
    mode: watch::Sender<Mode>,
    /// The port that it passes everything on to; 0: none yet.
    to: watch::Sender<u16>,
    /// Bytes that went back to those who call.
    answered: Arc<AtomicU64>,
}

impl Relay {
    /// One that does not know yet where to pass things on to.
    pub(crate) fn start(runtime: &Handle) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        listener.set_nonblocking(true).unwrap();
        let (mode, told) = watch::channel(Mode::Pass);
        let (to, port_told) = watch::channel(0);
        let answered = Arc::<AtomicU64>::default();
        let count = answered.clone();
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            while let Ok((caller, _)) = listener.accept().await {
                let to = SocketAddr::from(([127, 0, 0, 1], *port_told.borrow()));
                tokio::spawn(carry(caller, to, told.clone(), count.clone()));
            }
        });
        Self {
            port,
            mode,
            to,
            answered,
        }
    }

    /// Everything passes on to this port on 127.0.0.1.
    pub(crate) fn pass_on_to(&self, port: u16) {
        self.to.send_replace(port);
    }

    /// From now on.
    pub(crate) fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }

    /// Bytes that those who call were answered so far.
    pub(crate) fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }
}

async fn carry(caller: TcpStream, to: SocketAddr, mut mode: watch::Receiver<Mode>, answered: Arc<AtomicU64>) {
    let (there, back) = (mode.clone(), mode.clone());
    let carried = async {
        let called = TcpStream::connect(to).await?;
        let _ = (caller.set_nodelay(true), called.set_nodelay(true));
        let (from_caller, to_caller) = caller.into_split();
        let (from_called, to_called) = called.into_split();
        tokio::select! {
            ended = pass(from_caller, to_called, there, |_| ()) => ended,
            ended = pass(from_called, to_caller, back, |read| _ = answered.fetch_add(read, Ordering::Relaxed)) => ended,
        }
    };
    tokio::select! {
        _ = carried => {}
        _ = mode.wait_for(|mode| *mode == Mode::Cut) => {}
    }
}

async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut mode: watch::Receiver<Mode>,
    count: impl Fn(u64),
) -> std::io::Result<()> {
    let mut bytes = vec![0; 1 << 16];
    loop {
        let read = from.read(&mut bytes).await?;
        if read == 0 {
            return Ok(());
        }
        count(read as u64);
        let now = *mode.borrow();
        if let Mode::Slow(wait) = now {
            tokio::time::sleep(wait).await;
        }
        let _ = mode.wait_for(|mode| *mode != Mode::Hold).await;
        to.write_all(&bytes[..read]).await?;
    }
}
