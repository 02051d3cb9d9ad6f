

#ifndef QDQ_QDQ_H
#define QDQ_QDQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The version of this header: major * 10000 + minor * 100 + patch. See qdq_version().
#define QDQ_VERSION 100
// The version of this header as text.
#define QDQ_VERSION_TEXT "0.1.0"

// Bytes that a function has made, a text or a file's content. Behind the last byte stands a NUL that does not count, so that
// a text can be used as one. Immutable; any number of threads may read one.
typedef struct qdq_buffer qdq_buffer;

// What went wrong: a status, a message that names the thing and the cause, a remedy where one is known, and the errors from
// below that caused it. Immutable; any number of threads may read one.
typedef struct qdq_error qdq_error;

// What a function or a callback says of its success: QDQ_OK, or which kind of error it was. The numbers never change their
// meaning; new ones may be added.
typedef int32_t qdq_status;

// Done.
#define QDQ_OK 0

// An argument or option that cannot be used, NULL and unknown enumerators included.
#define QDQ_ERROR_INVALID_ARGUMENT 1

// The operating system refused to read or write something.
#define QDQ_ERROR_IO 2

// A file is damaged or is not what it should be.
#define QDQ_ERROR_FORMAT 3

// Valid input that qdq cannot handle.
#define QDQ_ERROR_UNSUPPORTED 4

// Shapes that do not fit each other.
#define QDQ_ERROR_SHAPE 5

// An element type that does not fit.
#define QDQ_ERROR_TYPE 6

// Calibration data or statistics from which no answer can be computed.
#define QDQ_ERROR_DATA 7

// An engine (embedded, ONNX Runtime) failed.
#define QDQ_ERROR_ENGINE 8

// The caller asked to stop.
#define QDQ_ERROR_CANCELLED 9

// A defect in qdq itself.
#define QDQ_ERROR_INTERNAL 10

// A function of the caller failed: a callback that threw or returned a number that is no status.
#define QDQ_ERROR_CALLBACK 11

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// Frees `*buffer` and sets it to NULL. NULL in either place is allowed and does nothing.
void qdq_buffer_free(qdq_buffer **buffer);

// The first byte. Valid until the buffer is freed; NULL for NULL.
const void *qdq_buffer_data(const qdq_buffer *buffer);

// The bytes as a text that ends with a NUL. Valid until the buffer is freed; NULL for NULL.
const char *qdq_buffer_text(const qdq_buffer *buffer);

// How many bytes there are, without the NUL behind them.
size_t qdq_buffer_size(const qdq_buffer *buffer);

// Makes an error for a callback to return: `status` (a number that is none, QDQ_OK too, counts as QDQ_ERROR_CALLBACK), a
// message, and what to do about it or NULL. Texts are copied; what is not UTF-8 in them is replaced. The callback stores it
// through its `error` and returns the same status; qdq takes it over and passes it on to its own caller.
qdq_error *qdq_error_new(qdq_status status,
                         const char *message,
                         const char *remedy);

// Frees `*error` and sets it to NULL. NULL in either place is allowed and does nothing.
void qdq_error_free(qdq_error **error);

// The kind of the error; QDQ_OK for NULL.
qdq_status qdq_error_status(const qdq_error *error);

// What is wrong with which thing, in one line. Valid until the error is freed; NULL for NULL.
const char *qdq_error_message(const qdq_error *error);

// What to do about it; NULL where no remedy is known. Valid until the error is freed.
const char *qdq_error_remedy(const qdq_error *error);

// How many errors from below caused this one.
size_t qdq_error_cause_count(const qdq_error *error);

// The cause at `index`, from 0, the nearest first; NULL past the last. Valid until the error is freed.
const char *qdq_error_cause(const qdq_error *error, size_t index);

// Everything for a log: message and remedy in the first line, then a line for every cause. Valid until the error is freed;
// NULL for NULL.
const char *qdq_error_text(const qdq_error *error);

// Frees `*buffer` and sets it to NULL. NULL in either place is allowed and does nothing.
void qdq_buffer_free(qdq_buffer **buffer);

// The first byte. Valid until the buffer is freed; NULL for NULL.
const void *qdq_buffer_data(const qdq_buffer *buffer);

// The bytes as a text that ends with a NUL. Valid until the buffer is freed; NULL for NULL.
const char *qdq_buffer_text(const qdq_buffer *buffer);

// How many bytes there are, without the NUL behind them.
size_t qdq_buffer_size(const qdq_buffer *buffer);

// Makes an error for a callback to return: `status` (a number that is none, QDQ_OK too, counts as QDQ_ERROR_CALLBACK), a
// message, and what to do about it or NULL. Texts are copied; what is not UTF-8 in them is replaced. The callback stores it
// through its `error` and returns the same status; qdq takes it over and passes it on to its own caller.
qdq_error *qdq_error_new(qdq_status status,
                         const char *message,
                         const char *remedy);

// Frees `*error` and sets it to NULL. NULL in either place is allowed and does nothing.
void qdq_error_free(qdq_error **error);

// The kind of the error; QDQ_OK for NULL.
qdq_status qdq_error_status(const qdq_error *error);

// What is wrong with which thing, in one line. Valid until the error is freed; NULL for NULL.
const char *qdq_error_message(const qdq_error *error);

// What to do about it; NULL where no remedy is known. Valid until the error is freed.
const char *qdq_error_remedy(const qdq_error *error);

// How many errors from below caused this one.
size_t qdq_error_cause_count(const qdq_error *error);

// The cause at `index`, from 0, the nearest first; NULL past the last. Valid until the error is freed.
const char *qdq_error_cause(const qdq_error *error, size_t index);

// Everything for a log: message and remedy in the first line, then a line for every cause. Valid until the error is freed;
// NULL for NULL.
const char *qdq_error_text(const qdq_error *error);

// The version of the library that runs: major * 10000 + minor * 100 + patch. Compare it with QDQ_VERSION, the version that
// the program was compiled with.
uint32_t qdq_version(void);

// The version as text, such as "0.1.0". Valid for ever.
const char *qdq_version_text(void);

// The instruction set of the kernels in use, such as "scalar". The environment variable QDQ_ISA, read at the first
// computation, overrides the choice. Valid for ever.
const char *qdq_version_isa(void);

// The version of the library that runs: major * 10000 + minor * 100 + patch. Compare it with QDQ_VERSION, the version that
// the program was compiled with.
uint32_t qdq_version(void);

// The version as text, such as "0.1.0". Valid for ever.
const char *qdq_version_text(void);

// The instruction set of the kernels in use, such as "scalar". The environment variable QDQ_ISA, read at the first
// computation, overrides the choice. Valid for ever.
const char *qdq_version_isa(void);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* QDQ_QDQ_H */
