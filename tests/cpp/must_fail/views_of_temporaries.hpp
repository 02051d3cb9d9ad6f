// The objects that the lines of views_of_temporaries.txt use.
#include <qdq/qdq.hpp>

extern qdq::Model model;
extern qdq::Graph graph;
extern qdq::Cache cache;
extern qdq::Ranges ranges;
extern qdq::Batches batches;
extern qdq::Session session;
extern qdq::TensorView view;
extern qdq::Descriptor descriptor;
extern qdq::Quantizer quantizer;
qdq::Batch make_batch();
