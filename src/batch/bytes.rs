//! The bytes of one array in a file, read from front to back.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::PathBuf;

use flate2::Crc;
use flate2::read::DeflateDecoder;

/// Where an array's bytes are: a whole file, or an entry of an archive.
#[derive(Clone, Debug)]
pub(super) struct ByteRange {
    pub path: PathBuf,
    /// The first byte, which is the header's where there is one.
    pub start: u64,
    /// How many bytes of the file are deflated data; `None` where they lie there as they are.
    pub deflated: Option<u64>,
    /// Bytes of the header, which precedes the elements.
    pub header: u64,
    /// CRC-32 of header and elements.
    pub checksum: Option<u32>,
}

/// An open place. It stays at the byte after the last that was read.
pub(super) struct Reader {
    stream: Stream,
    /// Where the stream stands, counted from the first element.
    position: u64,
    /// Of every byte so far. None once a byte was passed over unread, or where there is nothing to compare.
    crc: Option<Crc>,
    checksum: Option<u32>,
}

enum Stream {
    Plain(File),
    Deflated(Box<DeflateDecoder<io::Take<File>>>),
}

impl Reader {
    /// Opens the file and goes to the first element.
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

    /// The bytes of `range`, counted from the first element, in an array of `length` bytes. Ranges ascend
    /// from call to call. Where the last byte is read and none before it was passed over, the checksum is
    /// compared.
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

    /// Passes over bytes. Deflated ones are decoded in any case, so that they count for the checksum too.
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
