//! Connections that can be broken on purpose: reset without an answer, or cut off half way through one.
//!
//! A handler cannot do that by itself, so each connection is wrapped, and the handler holds a [`Link`] to it.

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

const WHOLE: u8 = 0;
const RESET: u8 = 1;
const HALF: u8 = 2;
const BROKEN: u8 = 3;

/// A handler's hold on the connection of its request.
#[derive(Debug, Clone)]
pub(super) struct Link(Arc<AtomicU8>);

impl Link {
    /// The next answer is not written: the peer gets a reset.
    pub(super) fn reset(&self) {
        self.0.store(RESET, Ordering::SeqCst);
    }

    /// The next answer breaks off in the middle of its body.
    pub(super) fn halve(&self) {
        self.0.store(HALF, Ordering::SeqCst);
    }
}

/// Accepts connections and wraps them.
pub(super) struct Doors(pub(super) TcpListener);

/// A connection that can be broken.
pub(super) struct Door {
    stream: TcpStream,
    link: Link,
}

impl Listener for Doors {
    type Io = Door;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Door, SocketAddr) {
        loop {
            match self.0.accept().await {
                Ok((stream, peer)) => {
                    // Without it small answers wait for the peer's delayed acknowledgement.
                    let _ = stream.set_nodelay(true);
                    return (
                        Door {
                            stream,
                            link: Link(Arc::default()),
                        },
                        peer,
                    );
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl Connected<IncomingStream<'_, Doors>> for Link {
    fn connect_info(stream: IncomingStream<'_, Doors>) -> Self {
        stream.io().link.clone()
    }
}

impl AsyncRead for Door {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Door {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let state = self.link.0.load(Ordering::SeqCst);
        match state {
            WHOLE => Pin::new(&mut self.stream).poll_write(cx, buf),
            HALF => {
                let body = buf
                    .windows(4)
                    .position(|end| end == b"\r\n\r\n")
                    .map_or(0, |at| at + 4);
                let half = body + (buf.len() - body) / 2;
                let written = Pin::new(&mut self.stream).poll_write(cx, &buf[..half]);
                if written.is_ready() {
                    self.link.0.store(BROKEN, Ordering::SeqCst);
                }
                written
            }
            _ => {
                if state == RESET {
                    // Closing then says RST instead of an orderly end.
                    let _ = self.stream.set_zero_linger();
                }
                Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
