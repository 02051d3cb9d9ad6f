//! Conversions between C's pointers and Rust. Only this file makes objects that C owns and takes them back.
//!
//! Pointers to handles are `Option<&T>` and `Option<&mut T>` in the functions' signatures. The header
//! requires that C passes NULL or a pointer that it got from qdq, so these pointers need no cast. This file
//! reads through raw pointers only the objects that C itself lays out: texts and arrays.

use std::ffi::{CStr, CString, c_char};
use std::mem::MaybeUninit;
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result};

/// The variable for a handle that C then owns. C need not have initialised it.
pub type Out<'a, T> = Option<&'a mut MaybeUninit<*mut T>>;

/// Returns an argument that must not be NULL.
pub fn get<'a, T>(argument: Option<&'a T>, name: &str) -> Result<&'a T> {
    argument.ok_or_else(|| null(name))
}

/// Returns an argument that must not be NULL and is changed.
pub fn get_mut<'a, T>(argument: Option<&'a mut T>, name: &str) -> Result<&'a mut T> {
    argument.ok_or_else(|| null(name))
}

/// Hands the result of `make` to C through `out`, which is NULL after an error.
pub fn give<T>(out: Out<'_, T>, make: impl FnOnce() -> Result<T>) -> Result<()> {
    let out = get_mut(out, "out")?;
    out.write(std::ptr::null_mut());
    out.write(owned(make()?));
    Ok(())
}

/// Hands the result of `make` to C like [`give`]; `out` is NULL if the result is `None`, too.
pub fn give_or_null<T>(out: Out<'_, T>, make: impl FnOnce() -> Result<Option<T>>) -> Result<()> {
    let out = get_mut(out, "out")?;
    out.write(std::ptr::null_mut());
    out.write(make()?.map_or(std::ptr::null_mut(), owned));
    Ok(())
}

/// Hands the result of `make` to C like [`give_or_null`]; `out` itself may be NULL if C does not want the
/// handle.
pub fn give_wanted<T>(mut out: Out<'_, T>, make: impl FnOnce() -> Result<Option<T>>) -> Result<()> {
    if let Some(out) = &mut out {
        out.write(std::ptr::null_mut());
    }
    let made = make()?;
    if let Some((out, made)) = out.zip(made) {
        out.write(owned(made));
    }
    Ok(())
}

/// Makes a handle that C owns.
pub fn owned<T>(value: T) -> *mut T {
    Box::into_raw(Box::new(value))
}

/// Takes a handle back and sets C's variable to NULL. Does nothing if the variable is NULL already.
pub fn free<T>(handle: Option<&mut *mut T>) {
    drop(take(handle));
}

/// Returns the object of C's variable, and sets the variable to NULL.
pub fn take<T>(handle: Option<&mut *mut T>) -> Option<Box<T>> {
    let pointer = std::mem::replace(handle?, std::ptr::null_mut());
    // SAFETY: a handle that is not NULL was made by `owned` and not taken back since: taking it back clears
    // the variable, and the header forbids that C uses a second copy.
    (!pointer.is_null()).then(|| unsafe { Box::from_raw(pointer) })
}

/// Writes a plain result to C's variable.
pub fn put<T>(out: Option<&mut MaybeUninit<T>>, value: T) -> Result<()> {
    get_mut(out, "out")?.write(value);
    Ok(())
}

/// Returns a copy of a text from C: the text may belong to the same object that it is going to change.
///
/// # Safety
/// `pointer` is NULL or points to a text that ends with a NUL.
pub unsafe fn text(pointer: *const c_char, name: &str) -> Result<String> {
    // SAFETY: the caller's promise.
    unsafe { optional_text(pointer, name) }?.ok_or_else(|| null(name))
}

/// Returns a copy of a text from C, or `None` for NULL.
///
/// # Safety
/// As for [`text`].
pub unsafe fn optional_text(pointer: *const c_char, name: &str) -> Result<Option<String>> {
    if pointer.is_null() {
        return Ok(None);
    }
    // SAFETY: it is not NULL, the rest is the caller's promise.
    let text = unsafe { CStr::from_ptr(pointer) };
    text.to_str().map(|text| Some(text.to_owned())).map_err(|error| {
        Error::new(ErrorKind::InvalidArgument, format!("argument '{name}' is not UTF-8"))
            .with_remedy("convert the text to UTF-8")
            .with_source(error)
    })
}

/// Reads a path from C: any bytes on Unix, UTF-8 on other systems.
///
/// # Safety
/// As for [`text`].
pub unsafe fn path(pointer: *const c_char, name: &str) -> Result<PathBuf> {
    if pointer.is_null() {
        return Err(null(name));
    }
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        // SAFETY: it is not NULL, the rest is the caller's promise.
        let bytes = unsafe { CStr::from_ptr(pointer) }.to_bytes();
        Ok(std::ffi::OsStr::from_bytes(bytes).into())
    }
    #[cfg(not(unix))]
    {
        // SAFETY: the caller's promise.
        unsafe { text(pointer, name) }.map(PathBuf::from)
    }
}

/// Returns a path for C to read: its bytes on Unix, UTF-8 on other systems.
pub fn path_bytes(path: &Path) -> Vec<u8> {
    #[cfg(unix)]
    {
        std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str()).to_vec()
    }
    #[cfg(not(unix))]
    {
        path.to_string_lossy().into_owned().into_bytes()
    }
}

/// Returns an array of C.
///
/// # Safety
/// `pointer` is NULL or points to `count` initialised elements that nothing changes during `'a`.
pub unsafe fn array<'a, T>(pointer: *const T, count: usize, name: &str) -> Result<&'a [T]> {
    if count == 0 {
        return Ok(&[]);
    }
    if pointer.is_null() {
        return Err(null(name));
    }
    if !pointer.is_aligned() || count > isize::MAX as usize / size_of::<T>().max(1) {
        let message = format!("argument '{name}' is no array of {count} elements");
        return Err(Error::new(ErrorKind::InvalidArgument, message)
            .with_remedy("give an aligned pointer and the number of elements behind it"));
    }
    // SAFETY: checked above as far as that is possible. The rest is the caller's promise.
    Ok(unsafe { std::slice::from_raw_parts(pointer, count) })
}

/// Returns an array of C with a number for every axis of a tensor. No framework has more than 64 axes, so the
/// length is limited to 64. This bounds the memory that qdq reads if the rank is damaged.
///
/// # Safety
/// As for [`array`].
pub unsafe fn axes<'a, T>(pointer: *const T, rank: usize, name: &str) -> Result<&'a [T]> {
    if rank > 64 {
        let message = format!("argument '{name}' has {rank} axes");
        return Err(Error::new(ErrorKind::InvalidArgument, message).with_remedy("use at most 64"));
    }
    // SAFETY: the caller's promise.
    unsafe { array(pointer, rank, name) }
}

/// Returns an array of texts.
///
/// # Safety
/// As for [`array`] and [`text`].
pub unsafe fn texts(pointer: *const *const c_char, count: usize, name: &str) -> Result<Vec<String>> {
    // SAFETY: the caller's promise.
    let pointers = unsafe { array(pointer, count, name) }?;
    // SAFETY: as above.
    pointers.iter().map(|&pointer| unsafe { text(pointer, name) }).collect()
}

/// Writes a plain result, if C wants it. Unlike with [`put`], two results may have the same address.
///
/// # Safety
/// `pointer` is NULL or points to memory for one `T`.
pub unsafe fn write_wanted<T>(pointer: *mut T, value: T) {
    if !pointer.is_null() {
        // SAFETY: the caller's promise.
        unsafe { pointer.write(value) };
    }
}

/// Refuses NULL as the address of a result.
pub fn check_place<T>(pointer: *mut T, name: &str) -> Result<()> {
    if pointer.is_null() { Err(null(name)) } else { Ok(()) }
}

/// Fills an array of C.
///
/// # Safety
/// `pointer` points to memory for as many elements as there are `values`, aligned or not, which
/// nobody else uses during the call.
pub unsafe fn fill<T>(pointer: *mut T, values: impl Iterator<Item = T>) {
    for (index, value) in values.enumerate() {
        // SAFETY: the caller's promise.
        unsafe { pointer.add(index).write_unaligned(value) };
    }
}

/// Returns the error for an argument that is NULL.
pub fn null(name: &str) -> Error {
    Error::new(ErrorKind::InvalidArgument, format!("argument '{name}' is NULL"))
        .with_remedy("pass a valid pointer; the function's documentation says which may be NULL")
}

/// Returns a text for C to read. C's texts end at a NUL, so the part after one is cut off.
pub fn c_text(text: &str) -> CString {
    let whole = text.split('\0').next().unwrap_or_default();
    CString::new(whole).unwrap_or_default()
}

/// Returns the text at `index` for C; NULL if there is none.
pub fn text_at(texts: &[CString], index: usize) -> *const c_char {
    texts.get(index).map_or(std::ptr::null(), |text| text.as_ptr())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_is_freed_once_however_often_it_is_asked() {
        let mut handle = owned(String::from("x"));
        free(Some(&mut handle));
        assert!(handle.is_null());
        free(Some(&mut handle));
        free::<String>(None);
    }

    #[test]
    fn a_failure_leaves_null() {
        let mut out = MaybeUninit::<*mut String>::uninit();
        let failed = give(Some(&mut out), || Err(Error::new(ErrorKind::Data, "no")));
        assert_eq!(failed.unwrap_err().kind(), ErrorKind::Data);
        // SAFETY: `give` has written it.
        assert!(unsafe { out.assume_init() }.is_null());
    }

    #[test]
    fn texts_and_arrays_are_checked() {
        let good = c"caf\u{e9}";
        // SAFETY: literals, NULL, and an array on the stack.
        unsafe {
            assert_eq!(text(good.as_ptr(), "name").unwrap(), "caf\u{e9}");
            assert!(text(c"\xff".as_ptr(), "name").unwrap_err().message().contains("'name'"));
            assert!(text(std::ptr::null(), "name").is_err());
            assert!(array::<f32>(std::ptr::null(), 0, "values").unwrap().is_empty());
            assert!(array::<f32>(std::ptr::null(), 1, "values").is_err());
            let numbers = [1u32, 2];
            assert_eq!(array(numbers.as_ptr(), 2, "values").unwrap(), numbers);
            assert!(array(numbers.as_ptr(), usize::MAX, "values").is_err());
            let odd = numbers.as_ptr().cast::<u8>().wrapping_add(1).cast::<u32>();
            assert!(array(odd, 1, "values").is_err());
        }
        assert_eq!(c_text("a\0b"), c"a".to_owned());
    }
}
