/** One DENOISE_* variable. */
export interface SettingRow {
  /** Its name. */
  readonly name: string;
  /** What holds unless it is set, for people. */
  readonly standard: string;
  /** What it is, in one sentence. */
  readonly doc: string;
}

/** Every variable, in the order in which help lists them. */
export const SETTINGS: readonly SettingRow[] = [
  {
    name: "DENOISE_MODELS",
    standard: "denoise/emoji",
    doc:
      "Models to load, separated by commas: a Hub id or a folder, as NAME=WHERE under another name",
  },
  {
    name: "DENOISE_PLUGINS",
    standard: "none",
    doc: "Plugins beside the built-in ones, separated by commas: ./file.ts or jsr:@you/x",
  },
  {
    name: "DENOISE_PIPELINES",
    standard: "none",
    doc:
      "Pipelines to call models by, where that is not their own, separated by commas: NAME=CLASS, " +
      "such as NAME=StableDiffusionDiffEditPipeline",
  },
  {
    name: "DENOISE_MODEL_ALIASES",
    standard: "none",
    doc:
      "Other names of models, separated by commas: gpt-image-*=NAME, so that clients stay as they are",
  },
  { name: "DENOISE_HOST", standard: "127.0.0.1", doc: "Address to listen on" },
  { name: "DENOISE_PORT", standard: "8000", doc: "Port to listen on; PORT counts too; 0 for any" },
  {
    name: "DENOISE_PROBE_PORT",
    standard: "none",
    doc: "Port for probes and metrics alone, which need no key there; not for strangers",
  },
  {
    name: "DENOISE_API_KEYS",
    standard: "none",
    doc: "Keys that may ask, separated by commas: KEY, or NAME:KEY to name it in logs",
  },
  {
    name: "DENOISE_KEYS",
    standard: "none",
    doc:
      "File of keys with quotas: a JSON list of name, key, places, requests_per_minute, max_steps, " +
      "max_pixels, priority (interactive or batch) and operator (true)",
  },
  {
    name: "DENOISE_OPERATOR_KEY",
    standard: "none",
    doc: "Key that may also ask at /operator, for jobs that failed",
  },
  {
    name: "DENOISE_DEVICE",
    standard: "cpu",
    doc:
      "cpu, cuda, tensorrt, webgpu, coreml or dml; several cards separated by commas, cuda:0,cuda:1, " +
      "have an engine each",
  },
  { name: "DENOISE_DTYPE", standard: "float32", doc: "float32, float16 or bfloat16" },
  {
    name: "DENOISE_QUANTIZATION",
    standard: "none",
    doc: "Smaller weights: int8 is faster on CPUs, int4 smallest",
  },
  { name: "DENOISE_VARIANT", standard: "none", doc: "Which weights, such as fp16" },
  { name: "DENOISE_REVISION", standard: "main", doc: "Branch, tag or commit of the models" },
  {
    name: "DENOISE_THREADS",
    standard: "all cores",
    doc:
      "Threads of one operator: the quota, in a container with fewer processors than its machine",
  },
  {
    name: "DENOISE_GPU_MEMORY_MB",
    standard: "what is free",
    doc:
      "Stored weights on a card; idle models leave it for others, and what does not fit is streamed",
  },
  {
    name: "DENOISE_LORAS",
    standard: "none",
    doc:
      "Folder of LoRAs (.safetensors) that requests can name: in loras at /v1/images, as <lora:NAME:0.8> at /sdapi",
  },
  {
    name: "DENOISE_CONTROLNETS",
    standard: "none",
    doc:
      "ControlNets and T2I-Adapters that requests can name, separated by commas: a Hub id or a folder, as NAME=WHERE under " +
      "another name; loaded when first asked for, and kept",
  },
  { name: "DENOISE_ENGINE", standard: "child", doc: "Where models run: child or inline" },
  {
    name: "DENOISE_MAX_LOADED",
    standard: "all",
    doc:
      "Models in memory at once; others are loaded when they are asked for, and the least recently " +
      "used one makes room",
  },
  {
    name: "DENOISE_MODEL_MEMORY_MB",
    standard: "any",
    doc: "The same by the megabytes of their weights",
  },
  {
    name: "DENOISE_PINNED_MODELS",
    standard: "none",
    doc: "Models that stay in memory, separated by commas",
  },
  {
    name: "DENOISE_HANG_SECONDS",
    standard: "60",
    doc: "Least silence after which the engine is taken for hung, and started again",
  },
  {
    name: "DENOISE_LOAD_SECONDS",
    standard: "1800",
    doc:
      "In which models have to load, once their files are here; an engine that takes longer is started again",
  },
  {
    name: "DENOISE_ENGINE_MEMORY_MB",
    standard: "any",
    doc: "Megabytes that the engine can have; a run that needs more fails (Linux, by prlimit)",
  },
  { name: "DENOISE_QUEUE_LIMIT", standard: "64", doc: "Jobs that may wait" },
  { name: "DENOISE_MAX_STEPS", standard: "150", doc: "Denoising steps of a run" },
  { name: "DENOISE_MAX_IMAGES", standard: "10", doc: "Images or audio clips of a request" },
  { name: "DENOISE_MAX_SIDE", standard: "2048", doc: "Pixels of a side" },
  {
    name: "DENOISE_MAX_PIXELS",
    standard: "by the model",
    doc:
      "Width times height times images; by default an image can have 4 times the model's own area",
  },
  {
    name: "DENOISE_MAX_SECONDS",
    standard: "by the model",
    doc: "Seconds of an audio clip; by default 4 times the model's own length, or 40",
  },
  {
    name: "DENOISE_UPLOAD_MEMORY_MB",
    standard: "512",
    doc: "Megabytes of all bodies that are read at once, and again of all images that wait",
  },
  { name: "DENOISE_JOB_TIMEOUT_SECONDS", standard: "600", doc: "From a request to its images" },
  {
    name: "DENOISE_QUEUE_TIMEOUT_SECONDS",
    standard: "that of the job",
    doc: "How long a request may wait for an engine",
  },
  {
    name: "DENOISE_RUN_TIMEOUT_SECONDS",
    standard: "that of the job",
    doc: "How long a run may take from when an engine has it",
  },
  {
    name: "DENOISE_DEAD_LETTERS",
    standard: "100",
    doc: "Jobs that failed by a fault of the server and are kept for a day, for /operator",
  },
  { name: "DENOISE_RESULT_TTL_SECONDS", standard: "600", doc: "How long predictions are kept" },
  { name: "DENOISE_DRAIN_SECONDS", standard: "30", doc: "For requests under way at the end" },
  { name: "DENOISE_RATE_LIMIT", standard: "0", doc: "Requests a minute for each key; 0 for any" },
  { name: "DENOISE_CORS_ORIGINS", standard: "none", doc: "Web pages that may ask, or *" },
  {
    name: "DENOISE_REDIS_URL",
    standard: "none",
    doc: "Redis over which edges and workers share a queue, such as redis://localhost:6379",
  },
  {
    name: "DENOISE_LOCK_SECONDS",
    standard: "30",
    doc: "After how long a silent worker is taken for dead, and its job given to another",
  },
  {
    name: "DENOISE_STORAGE",
    standard: "memory",
    doc: "Where results go: memory, a folder, or s3+https://HOST/BUCKET",
  },
  {
    name: "DENOISE_STORAGE_TTL_SECONDS",
    standard: "86400",
    doc: "How long a folder keeps results; 0 for ever. Buckets have rules of their own",
  },
  {
    name: "DENOISE_ADDRESS_SECRET",
    standard: "of the keys",
    doc: "What addresses of stored results are signed with; several edges without keys need it",
  },
  { name: "DENOISE_S3_KEY_ID", standard: "none", doc: "Key id of the storage" },
  { name: "DENOISE_S3_SECRET", standard: "none", doc: "Secret key of the storage" },
  { name: "DENOISE_S3_REGION", standard: "auto", doc: "Region of the storage" },
  { name: "DENOISE_PUBLIC_URL", standard: "of the request", doc: "Where callers reach the server" },
  {
    name: "DENOISE_WEBHOOK_SECRET",
    standard: "none",
    doc: "Turns webhooks on and signs them: whsec_ and at least 24 bytes in base64",
  },
  { name: "DENOISE_LOG_LEVEL", standard: "info", doc: "debug, info, warning or error" },
];
