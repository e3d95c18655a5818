/// Numbers of network byte order, at any place in what was read; the caller has looked that they are there.
extension UnsafeRawBufferPointer {
    @inlinable @inline(__always)
    package func bigEndian16(_ offset: Int) -> UInt16 {
        self.loadUnaligned(fromByteOffset: offset, as: UInt16.self).bigEndian
    }
    @inlinable @inline(__always)
    package func bigEndian32(_ offset: Int) -> UInt32 {
        self.loadUnaligned(fromByteOffset: offset, as: UInt32.self).bigEndian
    }
    @inlinable @inline(__always)
    package func bigEndian64(_ offset: Int) -> UInt64 {
        self.loadUnaligned(fromByteOffset: offset, as: UInt64.self).bigEndian
    }
}
