// A library that replaces parts of TensorRT's or of its ONNX parser's.
#ifdef VERSION
int getInferLibVersion(void) { return VERSION; }
#endif
#ifdef BUILDER
void *createInferBuilder_INTERNAL(void *logger, int version) {
  (void)logger, (void)version;
  return 0;
}
#endif
#ifdef PARSER
void *createNvOnnxParser_INTERNAL(void *network, void *logger, int version) {
  (void)network, (void)logger, (void)version;
  return 0;
}
#endif
