/* Any bytes as a document and ops on it: see ot_judge.h for the form and the laws. */
#include "ot_judge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ot_judge(slice_of(data, size));
    return 0;
}
