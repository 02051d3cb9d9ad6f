//! `qdq_cache`: TensorRT's calibration cache.

use std::ffi::{CString, c_char, c_void};
use std::mem::MaybeUninit;
use std::sync::OnceLock;

use crate::emit::Cache;
use crate::emit::trt_cache::{Algorithm, Expected, Header, Version};
use crate::error::{Error, ErrorKind, Result};

use super::buffer::qdq_buffer;
use super::error::qdq_error;
use super::findings::qdq_findings;
use super::guard::guard;
use super::handle::{self, array, c_text, get, get_mut, give, give_wanted, put, text, text_at};
use super::number_set::NumberSet;
use super::ranges::qdq_ranges;
use super::status::qdq_status;

/// A TensorRT calibration cache: the file that IInt8Calibrator::readCalibrationCache() returns. Line by line
/// a tensor's name and its scale, amax / 127, below a header that names TensorRT's version and the
/// calibrator.
pub struct qdq_cache {
    cache: Cache,
    texts: OnceLock<Texts>,
}

struct Texts {
    header: CString,
    names: Vec<CString>,
}

/// The calibrator that a cache is for: one of the QDQ_ALGORITHM_ numbers, which are those of TensorRT's
/// CalibrationAlgoType.
pub type qdq_algorithm = i32;

/// IInt8EntropyCalibrator2, which trtexec has: what nearly every program expects, whatever method computed
/// the ranges.
pub const QDQ_ALGORITHM_ENTROPY_2: qdq_algorithm = 2;
/// IInt8MinMaxCalibrator.
pub const QDQ_ALGORITHM_MIN_MAX: qdq_algorithm = 3;
/// IInt8EntropyCalibrator, whose caches fit one device only.
pub const QDQ_ALGORITHM_ENTROPY: qdq_algorithm = 1;
/// IInt8LegacyCalibrator. Its text is that in the library of TensorRT 8.5.1: no cache with it is public.
pub const QDQ_ALGORITHM_LEGACY: qdq_algorithm = 0;
/// An algorithm that qdq does not know, or none.
pub const QDQ_ALGORITHM_UNKNOWN: qdq_algorithm = -1;

const ALGORITHMS: NumberSet<Algorithm> = NumberSet::new(
    "algorithm",
    "QDQ_ALGORITHM_",
    &[
        (QDQ_ALGORITHM_ENTROPY_2, Algorithm::EntropyCalibration2),
        (QDQ_ALGORITHM_MIN_MAX, Algorithm::MinMaxCalibration),
        (QDQ_ALGORITHM_ENTROPY, Algorithm::EntropyCalibration),
        (QDQ_ALGORITHM_LEGACY, Algorithm::LegacyCalibration),
    ],
);

fn version_of(number: u32) -> Result<Version> {
    number.to_string().parse()
}

fn header_of(tensorrt_version: u32, algorithm: qdq_algorithm) -> Result<Header> {
    let version = version_of(tensorrt_version)?;
    version.check_reads_caches()?;
    Ok(Header::new(version, ALGORITHMS.value(algorithm)?))
}

impl qdq_cache {
    fn new(cache: Cache) -> Self {
        Self { cache, texts: OnceLock::new() }
    }

    fn texts(&self) -> &Texts {
        self.texts.get_or_init(|| Texts {
            header: c_text(&self.cache.header.to_string()),
            names: self.cache.entries.iter().map(|(name, _)| c_text(name)).collect(),
        })
    }

    /// The cache, to be changed: the texts may be others afterwards.
    fn changed(&mut self) -> &mut Cache {
        self.texts.take();
        &mut self.cache
    }
}

/// The cache with these ranges for a version of TensorRT, as getInferLibVersion() reports it (8501 is 8.5.1,
/// 100300 is 10.3.0), and the calibrator that is going to read it. QDQ_ERROR_UNSUPPORTED from TensorRT 11 on,
/// which reads no caches. Free it with qdq_cache_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_cache_from_ranges(
    ranges: Option<&qdq_ranges>,
    tensorrt_version: u32,
    algorithm: qdq_algorithm,
    out: Option<&mut MaybeUninit<*mut qdq_cache>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give(out, || {
            let ranges = &get(ranges, "ranges")?.ranges;
            let header = header_of(tensorrt_version, algorithm)?;
            Ok(qdq_cache::new(Cache::from_ranges(ranges, header)))
        })
    })
}

/// Reads a cache file. Names may hold anything, line ends may be LF or CRLF; errors name the line.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_cache_load(
    path: *const c_char,
    out: Option<&mut MaybeUninit<*mut qdq_cache>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        // SAFETY: the header's rules for texts.
        give(out, || Cache::load(&unsafe { handle::path(path, "path") }?).map(qdq_cache::new))
    })
}

/// A cache from the content of such a file: `size` bytes, which are not kept.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_cache_from_bytes(
    bytes: *const c_void,
    size: usize,
    out: Option<&mut MaybeUninit<*mut qdq_cache>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        // SAFETY: the header's rules for arrays.
        give(out, || {
            Cache::parse(unsafe { array(bytes.cast(), size, "bytes") }?, "cache").map(qdq_cache::new)
        })
    })
}

/// Whether a file that starts with these `size` bytes is meant as a calibration cache: it has the header, or
/// its first line is that of a tensor, so that the header is missing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_cache_is_one(bytes: *const c_void, size: usize) -> bool {
    // SAFETY: the header's rules for arrays.
    unsafe { array(bytes.cast(), size, "bytes") }.is_ok_and(Cache::is_one)
}

/// Whether a version of TensorRT, as getInferLibVersion() counts, has calibrators and so reads caches:
/// TensorRT 11 removed them.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_cache_is_read_by(tensorrt_version: u32) -> bool {
    tensorrt_version.to_string().parse::<Version>().is_ok_and(Version::reads_caches)
}

/// Frees `*cache` and sets it to NULL. NULL in either place is allowed and does nothing.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_cache_free(cache: Option<&mut *mut qdq_cache>) {
    handle::free(cache);
}

/// Writes the cache to a file, whole or not at all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_cache_save(
    cache: Option<&qdq_cache>,
    path: *const c_char,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    // SAFETY: the header's rules for texts.
    guard(error, || get(cache, "cache")?.cache.save(&unsafe { handle::path(path, "path") }?))
}

/// The content of that file, for readCalibrationCache(). Free `*out` with qdq_buffer_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_cache_to_bytes(
    cache: Option<&qdq_cache>,
    out: Option<&mut MaybeUninit<*mut qdq_buffer>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || give(out, || get(cache, "cache")?.cache.to_text().map(qdq_buffer::new)))
}

/// The ranges in the cache: amax = scale * 127, at most the largest number. A line whose scale is negative,
/// infinite or NaN gives none; that and what else the check finds in the scales is logged, and
/// qdq_ranges_findings() has it. QDQ_ERROR_DATA where no line gives a range. Free `*out` with
/// qdq_ranges_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_cache_to_ranges(
    cache: Option<&qdq_cache>,
    out: Option<&mut MaybeUninit<*mut qdq_ranges>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || give(out, || get(cache, "cache")?.cache.to_ranges().map(qdq_ranges::new)))
}

/// The header line, such as "TRT-8501-EntropyCalibration2". Valid until the cache is changed or freed; NULL
/// for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_cache_header(cache: Option<&qdq_cache>) -> *const c_char {
    cache.map_or(std::ptr::null(), |cache| cache.texts().header.as_ptr())
}

/// The version in the header, as getInferLibVersion() counts; 0 where it is none.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_cache_tensorrt_version(cache: Option<&qdq_cache>) -> u32 {
    let version = cache.and_then(|cache| cache.cache.header.version.parse::<Version>().ok());
    version.map_or(0, Version::number)
}

/// The algorithm in the header; QDQ_ALGORITHM_UNKNOWN where qdq does not know it.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_cache_algorithm(cache: Option<&qdq_cache>) -> qdq_algorithm {
    let algorithm = cache.and_then(|cache| cache.cache.header.algorithm.parse::<Algorithm>().ok());
    algorithm.and_then(|algorithm| ALGORITHMS.number(algorithm)).unwrap_or(QDQ_ALGORITHM_UNKNOWN)
}

/// Writes the header anew, for another version of TensorRT or another calibrator. The scales stay as they
/// are. QDQ_ERROR_UNSUPPORTED from TensorRT 11 on, which reads no caches.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_cache_set_header(
    cache: Option<&mut qdq_cache>,
    tensorrt_version: u32,
    algorithm: qdq_algorithm,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        get_mut(cache, "cache")?.changed().header = header_of(tensorrt_version, algorithm)?;
        Ok(())
    })
}

/// Makes the cache ready to be written for another TensorRT, as `qdq cache convert` does: the header as by
/// qdq_cache_set_header(), where a `tensorrt_version` of 0 and QDQ_ALGORITHM_UNKNOWN stay what they are, and
/// one line for every name. What is still wrong with it is logged and goes to `out`, which may be NULL; free
/// `*out` with qdq_findings_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_cache_convert(
    cache: Option<&mut qdq_cache>,
    tensorrt_version: u32,
    algorithm: qdq_algorithm,
    out: Option<&mut MaybeUninit<*mut qdq_findings>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give_wanted(out, || {
            let cache = get_mut(cache, "cache")?;
            let mut header = cache.cache.header.clone();
            if tensorrt_version != 0 {
                header.version = version_of(tensorrt_version)?.number().to_string();
            }
            if algorithm != QDQ_ALGORITHM_UNKNOWN {
                header.algorithm = ALGORITHMS.value(algorithm)?.name().to_owned();
            }
            Ok(Some(qdq_findings::new(&cache.changed().convert(header)?)))
        })
    })
}

/// How many lines with a tensor there are.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_cache_count(cache: Option<&qdq_cache>) -> usize {
    cache.map_or(0, |cache| cache.cache.entries.len())
}

/// The name in line `index`, from 0, the header not counting; NULL past the last. Valid until the cache is
/// changed or freed.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_cache_name(cache: Option<&qdq_cache>, index: usize) -> *const c_char {
    cache.map_or(std::ptr::null(), |cache| text_at(&cache.texts().names, index))
}

/// The scale in line `index`; NaN past the last.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_cache_at(cache: Option<&qdq_cache>, index: usize) -> f32 {
    cache.and_then(|cache| cache.cache.entries.get(index)).map_or(f32::NAN, |(_, scale)| *scale)
}

/// The scale of tensor `name`, that of its last line; QDQ_ERROR_DATA where it has none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_cache_get(
    cache: Option<&qdq_cache>,
    name: *const c_char,
    scale: Option<&mut MaybeUninit<f32>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        let cache = &get(cache, "cache")?.cache;
        // SAFETY: the header's rules for texts.
        let name = unsafe { text(name, "name") }?;
        let found = cache.get(&name).ok_or_else(|| {
            Error::new(ErrorKind::Data, format!("the cache has no tensor '{name}'"))
                .with_remedy("see which names there are")
        })?;
        put(scale, found)
    })
}

/// Sets the scale of tensor `name`: in its last line, or in a new one at the end. Any number is taken;
/// qdq_cache_check() tells which ones TensorRT would stumble over.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_cache_set(
    cache: Option<&mut qdq_cache>,
    name: *const c_char,
    scale: f32,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        let cache = get_mut(cache, "cache")?;
        // SAFETY: the header's rules for texts.
        let name = unsafe { text(name, "name") }?;
        cache.changed().set(&name, scale);
        Ok(())
    })
}

/// Leaves one line for every name: where the first of them stood, with the scale of the last.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_cache_remove_repeats(
    cache: Option<&mut qdq_cache>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        get_mut(cache, "cache")?.changed().remove_repeats();
        Ok(())
    })
}

/// Checks a cache. A `tensorrt_version` of 0, QDQ_ALGORITHM_UNKNOWN and `names` NULL are not checked against;
/// otherwise `names` holds the `count` names of the network's activations, its inputs included. Free `*out`
/// with qdq_findings_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_cache_check(
    cache: Option<&qdq_cache>,
    tensorrt_version: u32,
    algorithm: qdq_algorithm,
    names: *const *const c_char,
    count: usize,
    out: Option<&mut MaybeUninit<*mut qdq_findings>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || {
        give(out, || {
            let cache = &get(cache, "cache")?.cache;
            let version = (tensorrt_version != 0).then(|| version_of(tensorrt_version)).transpose()?;
            let is_known = algorithm != QDQ_ALGORITHM_UNKNOWN;
            let algorithm = is_known.then(|| ALGORITHMS.value(algorithm)).transpose()?;
            // SAFETY: the header's rules for texts and arrays.
            let names =
                (!names.is_null()).then(|| unsafe { handle::texts(names, count, "names") }).transpose()?;
            let found = cache.check(&Expected { version, algorithm, activations: names.as_deref() });
            Ok(qdq_findings::new(&found))
        })
    })
}
