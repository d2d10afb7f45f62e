/** The part of WebAssembly's JavaScript interface that is used here: Node has it, its types don't. */
declare namespace WebAssembly {
  class Memory {
    /** In units of 64 KiB. */
    constructor(descriptor: { initial: number; maximum: number });
    /** A new one after each `grow`. */
    readonly buffer: ArrayBuffer;
    /** @throws RangeError when there is no more */
    grow(units: number): number;
  }
  const Module: new (bytes: Uint8Array<ArrayBuffer>) => object;
  /** Of a module that `assemble` made. */
  class Instance {
    constructor(module: object, imports: { env: { memory: Memory } });
    readonly exports: { run(...values: number[]): void };
  }
}
