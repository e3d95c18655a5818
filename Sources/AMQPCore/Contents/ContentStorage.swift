/// Memory for one whole content, allocated once at its exact size and filled piece by piece:
/// the method's payload, the header's payload, the body.
// @unchecked Sendable: written by whoever reads until the content is whole, only read after the hand-over.
package final class ContentStorage: @unchecked Sendable {
    package let bytes: UnsafeMutableRawBufferPointer
    package let methodLength: Int
    package let headerLength: Int

    package init(method: UnsafeRawBufferPointer, header: UnsafeRawBufferPointer, bodyLength: Int) {
        self.methodLength = method.count
        self.headerLength = header.count
        self.bytes = UnsafeMutableRawBufferPointer.allocate(
            byteCount: method.count + header.count + bodyLength,
            alignment: 8
        )
        UnsafeMutableRawBufferPointer(rebasing: self.bytes[..<method.count]).copyMemory(from: method)
        UnsafeMutableRawBufferPointer(rebasing: self.bytes[method.count...]).copyMemory(from: header)
    }

    deinit { self.bytes.deallocate() }

    package var bodyOffset: Int { self.methodLength + self.headerLength }
    package var bodyLength: Int { self.bytes.count - self.bodyOffset }
}
