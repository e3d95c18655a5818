/// The octets of short texts that are not UTF-8, by the flags of their properties; mostly there are none.
struct UndecodedTexts: Equatable, Sendable {
    private struct Text: Equatable, Sendable {
        let flag: UInt16
        let octets: [UInt8]
    }
    private var texts: [Text] = []

    subscript(flag: UInt16) -> [UInt8]? {
        get { self.texts.isEmpty ? nil : self.texts.first { $0.flag == flag }?.octets }
        set {
            if !self.texts.isEmpty { self.texts.removeAll { $0.flag == flag } }
            if let newValue { self.texts.append(Text(flag: flag, octets: newValue)) }
        }
    }
}
