import FuzzTargets

/// The fuzzer of the codec: libFuzzer's options are its arguments.
@main enum FuzzDecoder {
    static func main() {
        FuzzEngine.run { octets, count in
            do throws(Finding) {
                try DecoderFuzz.run(UnsafeRawBufferPointer(start: octets, count: count))
            } catch {
                error.abort()
            }
            return 0
        }
    }
}
