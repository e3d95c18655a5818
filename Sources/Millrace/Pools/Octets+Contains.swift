import Glibc

extension UnsafeRawBufferPointer {
    /// Whether the octets of `text` stand somewhere in these.
    func contains(_ text: StaticString) -> Bool {
        text.withUTF8Buffer { wanted in
            guard let first = wanted.first, let text = wanted.baseAddress, let start = self.baseAddress else {
                return wanted.isEmpty
            }
            var offset = 0
            // memchr: what is not there is found out at the speed of memory.
            while self.count - offset >= wanted.count,
                let hit = memchr(start + offset, Int32(first), self.count - offset - wanted.count + 1)
            {
                if memcmp(hit, text, wanted.count) == 0 { return true }
                offset = UnsafeRawPointer(hit) - start + 1
            }
            return false
        }
    }
}
