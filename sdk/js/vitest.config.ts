import { defineConfig } from "vitest/config";

// Limits that catch a hang, not a busy machine.
export default defineConfig({ test: { testTimeout: 60_000, hookTimeout: 60_000 } });
