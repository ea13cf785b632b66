//! What a simulated disk does wrong, and when.

use std::io;

/// How one operation goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The device reports an error. A write may have done any part, a flush leaves pages that count as clean.
    Device,
    /// No room, although there seemed to be some.
    NoRoom,
    /// Half of a write is done, then the device reports an error.
    Short,
}

impl Fault {
    pub(crate) fn error(self) -> io::Error {
        match self {
            // EIO.
            Self::Device | Self::Short => io::Error::from_raw_os_error(5),
            Self::NoRoom => io::ErrorKind::StorageFull.into(),
        }
    }
}

/// The plan of faults and what came of it.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    /// The operation, counted from now on, that goes wrong. Every operation but reads counts.
    pub(crate) at: Option<(usize, Fault)>,
    /// As `at`, counting flushes of files alone; the device reports an error.
    pub(crate) flush_at: Option<usize>,
    /// As `at`, for reads.
    pub(crate) read_at: Option<usize>,
    /// Operations after which nothing works any more, as when the power is gone.
    pub(crate) power: Option<usize>,
    /// Bytes the disk holds.
    pub(crate) capacity: Option<usize>,
    /// What went wrong as planned.
    pub(crate) fired: Vec<&'static str>,
}

impl Faults {
    /// Counts an operation down and says what is wrong with it.
    pub(crate) fn next(&mut self, name: &'static str) -> io::Result<Option<Fault>> {
        match &mut self.power {
            Some(0) => return Err(io::Error::other("the power is gone")),
            Some(left) => *left -= 1,
            None => {}
        }
        if name == "flush"
            && let Some(left) = self.flush_at
        {
            self.flush_at = left.checked_sub(1);
            if left == 0 {
                self.fired.push(name);
                return Ok(Some(Fault::Device));
            }
        }
        let Some((left, fault)) = &mut self.at else { return Ok(None) };
        if *left > 0 {
            *left -= 1;
            return Ok(None);
        }
        let fault = *fault;
        self.at = None;
        self.fired.push(name);
        Ok(Some(fault))
    }

    pub(crate) fn next_read(&mut self) -> io::Result<()> {
        if self.power == Some(0) {
            return Err(io::Error::other("the power is gone"));
        }
        let Some(left) = &mut self.read_at else { return Ok(()) };
        if *left > 0 {
            *left -= 1;
            return Ok(());
        }
        self.read_at = None;
        self.fired.push("read");
        Err(Fault::Device.error())
    }
}
