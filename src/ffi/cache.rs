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

/// A TensorRT calibration cache: the file that IInt8Calibrator::readCalibrationCache() returns. The header
/// line names TensorRT's version and the calibrator. Each further line holds the name of a tensor and its
/// scale, amax / 127.
pub struct qdq_cache {
    cache: Cache,
    texts: OnceLock<Texts>,
}

struct Texts {
    header: CString,
    names: Vec<CString>,
}

/// The calibrator of a cache: one of the QDQ_ALGORITHM_ numbers, which are those of TensorRT's
/// CalibrationAlgoType.
pub type qdq_algorithm = i32;

/// IInt8EntropyCalibrator2, which trtexec has. Nearly every program expects this one, whichever method
/// computed the ranges.
pub const QDQ_ALGORITHM_ENTROPY_2: qdq_algorithm = 2;
/// IInt8MinMaxCalibrator.
pub const QDQ_ALGORITHM_MIN_MAX: qdq_algorithm = 3;
/// IInt8EntropyCalibrator. Its caches fit one device only.
pub const QDQ_ALGORITHM_ENTROPY: qdq_algorithm = 1;
/// IInt8LegacyCalibrator. Its header text is taken from the library of TensorRT 8.5.1, because no cache of
/// this kind is public.
pub const QDQ_ALGORITHM_LEGACY: qdq_algorithm = 0;
/// No algorithm, or one that qdq does not know.
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

    /// Returns the cache for a change. The cached texts are dropped, because the change may alter them.
    fn changed(&mut self) -> &mut Cache {
        self.texts.take();
        &mut self.cache
    }
}

/// Makes a cache from ranges, for a version of TensorRT and a calibrator. `tensorrt_version` is the number
/// that getInferLibVersion() returns (8501 is 8.5.1, 100300 is 10.3.0). `algorithm` names the calibrator that
/// is going to read the cache. Free `*out` with qdq_cache_free().
///
/// Returns QDQ_ERROR_UNSUPPORTED from TensorRT 11 on, which reads no caches.
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

/// Reads a cache file. Names may hold any text. Lines may end with LF or CRLF. Errors name the line. Free
/// `*out` with qdq_cache_free().
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

/// Reads a cache from the content of a calibration cache's file: `size` bytes, which are not kept. Free
/// `*out` with qdq_cache_free().
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

/// Returns whether the first `size` bytes of a file look like a calibration cache. They do if they begin with
/// the header, or if the header is missing and the first line is that of a tensor.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_cache_is_one(bytes: *const c_void, size: usize) -> bool {
    // SAFETY: the header's rules for arrays.
    unsafe { array(bytes.cast(), size, "bytes") }.is_ok_and(Cache::is_one)
}

/// Returns whether a version of TensorRT has calibrators and therefore reads caches. TensorRT 11 removed
/// them. `tensorrt_version` is a number as getInferLibVersion() returns it.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_cache_is_read_by(tensorrt_version: u32) -> bool {
    tensorrt_version.to_string().parse::<Version>().is_ok_and(Version::reads_caches)
}

/// Frees `*cache` and sets it to NULL. Does nothing if `cache` or `*cache` is NULL.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_cache_free(cache: Option<&mut *mut qdq_cache>) {
    handle::free(cache);
}

/// Writes the cache to a file, completely or not at all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qdq_cache_save(
    cache: Option<&qdq_cache>,
    path: *const c_char,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    // SAFETY: the header's rules for texts.
    guard(error, || get(cache, "cache")?.cache.save(&unsafe { handle::path(path, "path") }?))
}

/// Returns the content of the cache's file, for readCalibrationCache(). Free `*out` with qdq_buffer_free().
#[unsafe(no_mangle)]
pub extern "C" fn qdq_cache_to_bytes(
    cache: Option<&qdq_cache>,
    out: Option<&mut MaybeUninit<*mut qdq_buffer>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || give(out, || get(cache, "cache")?.cache.to_text().map(qdq_buffer::new)))
}

/// Returns the ranges in the cache: amax = scale * 127, at most the largest finite number. A line gives no
/// range if its scale is negative, infinite or NaN. Such lines, and everything else that the check finds in
/// the scales, are logged and listed by qdq_ranges_findings(). Free `*out` with qdq_ranges_free().
///
/// Returns QDQ_ERROR_DATA if no line gives a range.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_cache_to_ranges(
    cache: Option<&qdq_cache>,
    out: Option<&mut MaybeUninit<*mut qdq_ranges>>,
    error: Option<&mut MaybeUninit<*mut qdq_error>>,
) -> qdq_status {
    guard(error, || give(out, || get(cache, "cache")?.cache.to_ranges().map(qdq_ranges::new)))
}

/// Returns the header line, such as "TRT-8501-EntropyCalibration2"; NULL for NULL. The text is valid until
/// the cache is changed or freed.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_cache_header(cache: Option<&qdq_cache>) -> *const c_char {
    cache.map_or(std::ptr::null(), |cache| cache.texts().header.as_ptr())
}

/// Returns the TensorRT version in the header, counted as by getInferLibVersion(); 0 if the header has none.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_cache_tensorrt_version(cache: Option<&qdq_cache>) -> u32 {
    let version = cache.and_then(|cache| cache.cache.header.version.parse::<Version>().ok());
    version.map_or(0, Version::number)
}

/// Returns the algorithm in the header; QDQ_ALGORITHM_UNKNOWN if qdq does not know it.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_cache_algorithm(cache: Option<&qdq_cache>) -> qdq_algorithm {
    let algorithm = cache.and_then(|cache| cache.cache.header.algorithm.parse::<Algorithm>().ok());
    algorithm.and_then(|algorithm| ALGORITHMS.number(algorithm)).unwrap_or(QDQ_ALGORITHM_UNKNOWN)
}

/// Replaces the header, for another version of TensorRT or another calibrator. The scales stay the same.
/// Returns QDQ_ERROR_UNSUPPORTED from TensorRT 11 on, which reads no caches.
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

/// Prepares the cache for another TensorRT, as `qdq cache convert` does. Replaces the header as
/// qdq_cache_set_header() does, and leaves one line for every name. A `tensorrt_version` of 0 keeps the
/// version, and QDQ_ALGORITHM_UNKNOWN keeps the algorithm.
///
/// Remaining problems are logged. `out` may be NULL. Otherwise `*out` receives them as findings; free it with
/// qdq_findings_free().
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

/// Returns the number of lines with a tensor.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_cache_count(cache: Option<&qdq_cache>) -> usize {
    cache.map_or(0, |cache| cache.cache.entries.len())
}

/// Returns the name in line `index`; NULL past the last. Lines are counted from 0 without the header. The
/// text is valid until the cache is changed or freed.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_cache_name(cache: Option<&qdq_cache>, index: usize) -> *const c_char {
    cache.map_or(std::ptr::null(), |cache| text_at(&cache.texts().names, index))
}

/// Returns the scale in line `index`; NaN past the last.
#[unsafe(no_mangle)]
pub extern "C" fn qdq_cache_at(cache: Option<&qdq_cache>, index: usize) -> f32 {
    cache.and_then(|cache| cache.cache.entries.get(index)).map_or(f32::NAN, |(_, scale)| *scale)
}

/// Returns the scale of tensor `name`, from its last line. Returns QDQ_ERROR_DATA if the tensor has none.
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

/// Sets the scale of tensor `name`: in its last line, or in a new line at the end. Any number is accepted;
/// qdq_cache_check() reports the numbers that TensorRT cannot use.
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

/// Leaves one line for every name: at the position of its first line, with the scale of its last line.
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

/// Checks a cache against the TensorRT that reads it and against a network. Free `*out` with
/// qdq_findings_free().
///
/// `names` holds the `count` names of the network's activations, its inputs included. `names` may be NULL:
/// then names are not checked. A `tensorrt_version` of 0 and QDQ_ALGORITHM_UNKNOWN skip a check as well.
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
