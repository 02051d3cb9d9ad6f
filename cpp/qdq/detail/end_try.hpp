// Removes the macros of <qdq/detail/try.hpp>.
#undef QDQ_TRY
#undef QDQ_TRY_AS
