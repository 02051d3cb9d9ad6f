/* What every program in C does: compare the versions, and read and free an error. */
#include <qdq/qdq.h>

#include <stdio.h>
#include <string.h>

int main(void) {
    if (qdq_version() != QDQ_VERSION || strcmp(qdq_version_text(), QDQ_VERSION_TEXT) != 0) {
        fprintf(stderr, "the header is %s, the library %s\n", QDQ_VERSION_TEXT, qdq_version_text());
        return 1;
    }
    qdq_error *error = qdq_error_new(QDQ_ERROR_DATA, "batch 3 is empty", "leave it out");
    if (qdq_error_status(error) != QDQ_ERROR_DATA || strcmp(qdq_error_message(error), "batch 3 is empty") != 0) {
        fprintf(stderr, "the error came back as: %s\n", qdq_error_text(error));
        return 1;
    }
    qdq_error_free(&error);
    qdq_buffer *nothing = NULL;
    qdq_buffer_free(&nothing);
    printf("qdq %s\n", qdq_version_text());
    return 0;
}
