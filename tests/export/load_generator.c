/* Loads a SavedModel with TensorFlow's C library and runs it. Nothing here knows of Python.
 *
 *   load_generator FOLDER INPUT OUTPUT ROWS COLUMNS [ROWS COLUMNS ...] < z.raw > output.raw
 *
 * INPUT and OUTPUT are graph tensors as "operation:index" (card.json lists them). Standard input
 * holds ROWS * COLUMNS floats for each request; standard output gets the floats of the output
 * tensors, and standard error their shapes, or why the graph refuses a request. The exit code is
 * the number of requests that were refused.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensorflow/c/c_api.h"

static void stop(const char* what, const char* detail) {
  fprintf(stderr, "%s: %s\n", what, detail);
  exit(1);
}

static void check(TF_Status* status, const char* what) {
  if (TF_GetCode(status) != TF_OK) stop(what, TF_Message(status));
}

/* Splits "operation:index" and looks the operation up. */
static TF_Output find(TF_Graph* graph, const char* tensor) {
  char name[512];
  const char* colon = strrchr(tensor, ':');
  size_t length = colon ? (size_t)(colon - tensor) : strlen(tensor);
  TF_Output found;
  if (length >= sizeof(name)) stop("name too long", tensor);
  memcpy(name, tensor, length);
  name[length] = '\0';
  found.oper = TF_GraphOperationByName(graph, name);
  found.index = colon ? atoi(colon + 1) : 0;
  if (found.oper == NULL) stop("no such operation", tensor);
  return found;
}

/* Runs one request: whether the graph took it. */
static int run(TF_Session* session, TF_Output input, TF_Output output, const int64_t shape[2]) {
  size_t count = (size_t)(shape[0] * shape[1]);
  TF_Status* status = TF_NewStatus();
  TF_Tensor* z = TF_AllocateTensor(TF_FLOAT, shape, 2, count * sizeof(float));
  if (fread(TF_TensorData(z), sizeof(float), count, stdin) != count) stop("input", "too short");

  TF_Tensor* result = NULL;
  TF_SessionRun(session, NULL, &input, &z, 1, &output, &result, 1, NULL, 0, NULL, status);
  int taken = TF_GetCode(status) == TF_OK;
  if (taken) {
    if (TF_TensorType(result) != TF_FLOAT) stop("output", "not float32");
    for (int i = 0; i < TF_NumDims(result); ++i) {
      fprintf(stderr, "%lld ", (long long)TF_Dim(result, i));
    }
    fprintf(stderr, "\n");
    size_t size = TF_TensorByteSize(result);
    if (fwrite(TF_TensorData(result), 1, size, stdout) != size) stop("output", "cannot write");
    TF_DeleteTensor(result);
  } else {
    fprintf(stderr, "cannot run: %s\n", TF_Message(status));
  }
  TF_DeleteTensor(z);
  TF_DeleteStatus(status);
  return taken;
}

int main(int argc, char** argv) {
  const char* tags[] = {"serve"};
  if (argc < 6 || argc % 2) stop("usage", "load_generator FOLDER INPUT OUTPUT ROWS COLUMNS ...");

  TF_Status* status = TF_NewStatus();
  TF_Graph* graph = TF_NewGraph();
  TF_SessionOptions* options = TF_NewSessionOptions();
  TF_Session* session = TF_LoadSessionFromSavedModel(options, NULL, argv[1], tags, 1, graph,
                                                     NULL, status);
  check(status, "cannot load");

  TF_Output input = find(graph, argv[2]);
  TF_Output output = find(graph, argv[3]);
  int refused = 0;
  for (int i = 4; i < argc; i += 2) {
    int64_t shape[2] = {atoll(argv[i]), atoll(argv[i + 1])};
    refused += !run(session, input, output, shape);
  }

  TF_CloseSession(session, status);
  TF_DeleteSession(session, status);
  TF_DeleteSessionOptions(options);
  TF_DeleteGraph(graph);
  TF_DeleteStatus(status);
  return refused;
}
