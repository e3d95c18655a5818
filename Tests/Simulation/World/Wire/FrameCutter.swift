/// Whole frames out of octets that were cut anywhere; it knows nothing of what the product cuts them with.
struct FrameCutter {
    private var carried: [UInt8] = []
    /// Octets in front of the first frame: a client's protocol header.
    private var skipped: Int

    init(skipping octets: Int = 0) { self.skipped = octets }

    /// Whether the next octet is the first of a frame.
    var isBetweenFrames: Bool { self.carried.isEmpty && self.skipped == 0 }

    mutating func take(_ bytes: UnsafeRawBufferPointer, _ frame: (UnsafeRawBufferPointer) -> Void) {
        var bytes = bytes
        if self.skipped > 0 {
            let count = min(self.skipped, bytes.count)
            self.skipped -= count
            bytes = UnsafeRawBufferPointer(rebasing: bytes[count...])
        }
        if self.carried.isEmpty {
            let left = Self.cut(bytes, frame)
            if left < bytes.count { self.carried.append(contentsOf: bytes[left...]) }
        } else {
            self.carried.append(contentsOf: bytes)
            let left = self.carried.withUnsafeBytes { Self.cut($0, frame) }
            if left > 0 { self.carried.removeFirst(left) }
        }
        self.takeBodyWithoutEnd(frame)
    }

    /// A body counts when its last octet is there: client and broker alike act on it before the frame's end has come.
    private mutating func takeBodyWithoutEnd(_ frame: (UnsafeRawBufferPointer) -> Void) {
        guard self.carried.count > 7, self.carried[0] == 3 else { return }
        let isBody = self.carried.withUnsafeBytes { $0.count == Int($0.number32(3)) + 7 }
        guard isBody else { return }
        (self.carried + [0xCE]).withUnsafeBytes { frame($0) }
        self.carried = []
        self.skipped = 1
    }

    /// - Returns: Where the first frame begins that is not whole.
    static func cut(_ bytes: UnsafeRawBufferPointer, _ frame: (UnsafeRawBufferPointer) -> Void) -> Int {
        var start = 0
        while bytes.count - start >= 8 {
            let size = Int(bytes.number32(start + 3)) + 8
            guard bytes.count - start >= size else { break }
            frame(UnsafeRawBufferPointer(rebasing: bytes[start..<start + size]))
            start += size
        }
        return start
    }
}

extension UnsafeRawBufferPointer {
    func number16(_ place: Int) -> UInt16 { UInt16(self[place]) << 8 | UInt16(self[place + 1]) }
    func number32(_ place: Int) -> UInt32 { UInt32(self.number16(place)) << 16 | UInt32(self.number16(place + 2)) }
    func number64(_ place: Int) -> UInt64 { UInt64(self.number32(place)) << 32 | UInt64(self.number32(place + 4)) }
    /// The text behind its length.
    func short(_ place: Int) -> String {
        String(decoding: self[place + 1..<place + 1 + Int(self[place])], as: UTF8.self)
    }
}

/// Class and method of the frames that the simulator looks into, as they stand on the wire.
enum Wire {
    static let connectionClose: UInt32 = 10 << 16 | 50
    static let channelOpen: UInt32 = 20 << 16 | 10
    static let channelOpenOk: UInt32 = 20 << 16 | 11
    static let channelClose: UInt32 = 20 << 16 | 40
    static let channelCloseOk: UInt32 = 20 << 16 | 41
    static let publish: UInt32 = 60 << 16 | 40
    static let returned: UInt32 = 60 << 16 | 50
    static let deliver: UInt32 = 60 << 16 | 60
    static let ack: UInt32 = 60 << 16 | 80
    static let reject: UInt32 = 60 << 16 | 90
    static let nack: UInt32 = 60 << 16 | 120
    static let confirmSelect: UInt32 = 85 << 16 | 10
    static let confirmSelectOk: UInt32 = 85 << 16 | 11
    static let txSelect: UInt32 = 90 << 16 | 10
    static let txCommit: UInt32 = 90 << 16 | 20
    static let txCommitOk: UInt32 = 90 << 16 | 21
}
