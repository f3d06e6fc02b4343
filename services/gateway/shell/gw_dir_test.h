/* For the tests of this folder: the directory of a small page. */
#ifndef WEFT_GW_DIR_TEST_H
#define WEFT_GW_DIR_TEST_H

#include <stddef.h>

extern char dir_path[64];

/* index.html, icon.svg, assets/index-1a2b.js and its .gz, assets/index-3c4d.css, .hidden */
void dir_make(void);
void dir_drop(void);

void dir_put_bytes(const char *name, const char *data, size_t size);
void dir_put(const char *name, const char *text);
void dir_put_dir(const char *name);

#endif
