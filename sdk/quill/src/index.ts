export { bindQuill, type QuillBinding, type QuillBindingOptions } from "./binding.ts";
