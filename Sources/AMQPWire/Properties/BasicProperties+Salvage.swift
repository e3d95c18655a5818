extension BasicProperties {
    /// Reads the properties of a header frame's payload, as far as they can be read, and never fails.
    ///
    /// If octets are missing, ``isCutShort`` says so. A delivery mode among what is missing is taken for 2: what may be a
    /// persistent message is treated as one.
    ///
    /// - Parameter payload: Of a header frame, from the class number on (AMQP 0-9-1 §4.2.6.1).
    public init(salvaging payload: UnsafeRawBufferPointer) {
        self.init()
        var reader = WireReader(payload)
        var flags = Self.deliveryModeFlag  // as long as they are not known
        do throws(WireError) {
            try reader.skip(ContentHeader.fixedSize)
            try self.read(from: &reader, flags: &flags)
        } catch {
            self.isCutShort = true
            if flags & Self.deliveryModeFlag != 0, self.deliveryMode == nil { self.deliveryMode = 2 }
        }
    }

    /// Whether a text came in UTF-8, or is absent: else only its octets are what came.
    public func isUTF8(_ text: Text) -> Bool { self.undecoded[text.rawValue] == nil }

    private static var deliveryModeFlag: UInt16 { 0x1000 }
}
