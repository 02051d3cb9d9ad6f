// What every program in C++ does: compare the versions, and read and free an error.
#if __has_include(<qdq/qdq.hpp>)
#include <qdq/qdq.hpp>
#endif
#include <qdq/qdq.h>

#include <iostream>
#include <memory>
#include <string>

int main() {
    if (qdq_version() != QDQ_VERSION || std::string(qdq_version_text()) != QDQ_VERSION_TEXT) {
        std::cerr << "the header is " << QDQ_VERSION_TEXT << ", the library " << qdq_version_text() << '\n';
        return 1;
    }
    const auto release = [](qdq_error *error) { qdq_error_free(&error); };
    const std::unique_ptr<qdq_error, decltype(release)> error(
        qdq_error_new(QDQ_ERROR_DATA, "batch 3 is empty", "leave it out"), release);
    if (qdq_error_status(error.get()) != QDQ_ERROR_DATA || std::string(qdq_error_remedy(error.get())) != "leave it out") {
        std::cerr << "the error came back as: " << qdq_error_text(error.get()) << '\n';
        return 1;
    }
    std::cout << "qdq " << qdq_version_text() << '\n';
    return 0;
}
