import Glibc

extension UnsafeRawBufferPointer {
    /// Whether the octets of `text` stand somewhere in these.
    func contains(_ text: StaticString) -> Bool {
        text.withUTF8Buffer { wanted in
            guard let first = wanted.first, let start = self.baseAddress else { return true }
            var offset = 0
            // memchr: what is not there is found out at the speed of memory.
            while self.count - offset >= wanted.count,
                let hit = memchr(start + offset, Int32(first), self.count - offset - wanted.count + 1)
            {
                if memcmp(hit, wanted.baseAddress, wanted.count) == 0 { return true }
                offset = UnsafeRawPointer(hit) - start + 1
            }
            return false
        }
    }
}
