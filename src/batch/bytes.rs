//! The bytes of one array in a file, read from front to back.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::PathBuf;

use flate2::Crc;
use flate2::read::DeflateDecoder;

/// The bytes of an array: a whole file, or an entry of an archive.
#[derive(Clone, Debug)]
pub(super) struct ByteRange {
    pub path: PathBuf,
    /// The first byte, which is that of the header if there is one.
    pub start: u64,
    /// The number of bytes of deflated data in the file; `None` if the bytes are stored uncompressed.
    pub deflated: Option<u64>,
    /// Bytes of the header before the elements.
    pub header: u64,
    /// CRC-32 of header and elements.
    pub checksum: Option<u32>,
}

/// An open byte range. Its position is after the last byte that was read.
pub(super) struct Reader {
    stream: Stream,
    /// The position of the stream, counted from the first element.
    position: u64,
    /// The checksum of all bytes so far. `None` after bytes were skipped unread, or if there is nothing to
    /// compare with.
    crc: Option<Crc>,
    checksum: Option<u32>,
}

enum Stream {
    Plain(File),
    Deflated(Box<DeflateDecoder<io::Take<File>>>),
}

impl Reader {
    /// Opens the file and moves to the first element.
    pub fn open(place: &ByteRange) -> io::Result<Self> {
        let mut file = File::open(&place.path)?;
        file.seek(SeekFrom::Start(place.start))?;
        let stream = match place.deflated {
            None => Stream::Plain(file),
            Some(length) => Stream::Deflated(Box::new(DeflateDecoder::new(file.take(length)))),
        };
        let crc = place.checksum.map(|_| Crc::new());
        let mut reader = Self { stream, position: 0, crc, checksum: place.checksum };
        reader.bytes(place.header)?;
        Ok(reader)
    }

    /// Reads the bytes of `range`, counted from the first element, in an array of `length` bytes.
    ///
    /// Ranges must ascend from call to call. When the last byte is read, the checksum is compared, unless an
    /// earlier byte was skipped.
    pub fn read(&mut self, range: Range<u64>, length: u64) -> io::Result<Vec<u8>> {
        let gap = range.start.checked_sub(self.position).ok_or_else(|| damage("read backwards"))?;
        self.skip(gap)?;
        let bytes = self.bytes(range.end - range.start)?;
        self.position = range.end;
        if self.position == length
            && let (Some(crc), Some(checksum)) = (&self.crc, self.checksum)
            && crc.sum() != checksum
        {
            return Err(damage("the checksum does not match"));
        }
        Ok(bytes)
    }

    fn bytes(&mut self, count: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(usize::try_from(count).map_err(|_| io::ErrorKind::OutOfMemory)?)?;
        let stream: &mut dyn Read = match &mut self.stream {
            Stream::Plain(file) => file,
            Stream::Deflated(decoder) => decoder,
        };
        if stream.take(count).read_to_end(&mut bytes)? as u64 != count {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(crc) = &mut self.crc {
            crc.update(&bytes);
        }
        Ok(bytes)
    }

    /// Skips bytes. Deflated bytes are decoded in any case, so they count for the checksum too.
    fn skip(&mut self, mut count: u64) -> io::Result<()> {
        const PIECE: u64 = 1 << 16;
        if let (Stream::Plain(file), 1..) = (&mut self.stream, count) {
            let end = i64::try_from(count).map_err(|_| io::ErrorKind::UnexpectedEof)?;
            file.seek(SeekFrom::Current(end))?;
            self.crc = None;
            return Ok(());
        }
        while count > 0 {
            let piece = count.min(PIECE);
            self.bytes(piece)?;
            count -= piece;
        }
        Ok(())
    }
}

fn damage(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
