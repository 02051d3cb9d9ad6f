// Takes away what <qdq/detail/try.hpp> has defined.
#undef QDQ_TRY
#undef QDQ_TRY_AS
