import FuzzTargets

/// The fuzzer of the whole client: libFuzzer's options are its arguments.
@main enum FuzzClient {
    static func main() {
        FuzzEngine.run { octets, count in
            do throws(Finding) {
                try ClientFuzz.run(UnsafeRawBufferPointer(start: octets, count: count))
            } catch {
                error.abort()
            }
            return 0
        }
    }
}
