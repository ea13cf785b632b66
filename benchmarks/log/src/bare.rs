use std::{
    fs::{File, OpenOptions},
    os::unix::fs::FileExt as _,
    path::Path,
};

use bench_report::{Fallible, Order};

use crate::group::Engine;

/// Bytes of the file, written with zeros before; the log begins again at its front when it is full.
const BYTES: u64 = 512 << 20;

/// The least a durable log does: it copies every event with padding to the size of a stored record, writes the group
/// at once and flushes once. It checks nothing, indexes nothing and can be read by nobody.
pub(crate) struct BareLog {
    file: File,
    at: u64,
    record_bytes: usize,
    buffer: Vec<u8>,
}

impl BareLog {
    pub(crate) fn create(dir: &Path, record_bytes: usize) -> Fallible<Self> {
        Ok(Self { file: zeros(dir, BYTES)?, at: 0, record_bytes, buffer: Vec::new() })
    }
}

/// A file of zeros that are on the device.
pub(crate) fn zeros(dir: &Path, bytes: u64) -> Fallible<File> {
    let file = OpenOptions::new().create(true).truncate(true).read(true).write(true).open(dir.join("zeros"))?;
    let step = vec![0; 1 << 20];
    for at in (0..bytes).step_by(step.len()) {
        file.write_all_at(&step, at)?;
    }
    file.sync_all()?;
    Ok(file)
}

impl Engine for BareLog {
    fn commit(&mut self, group: &[Vec<Order>]) -> Fallible<()> {
        self.buffer.clear();
        for order in group.iter().flatten() {
            let start = self.buffer.len();
            self.buffer.extend_from_slice(order.id.as_bytes());
            self.buffer.extend_from_slice(order.payload.as_bytes());
            self.buffer.resize(start + self.record_bytes, b'x');
        }
        if self.at + self.buffer.len() as u64 > BYTES {
            self.at = 0;
        }
        self.file.write_all_at(&self.buffer, self.at)?;
        self.file.sync_data()?;
        self.at += self.buffer.len() as u64;
        Ok(())
    }
}
