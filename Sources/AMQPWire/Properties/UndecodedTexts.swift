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
            guard let newValue else { return }
            // In the order of the flags, so that equal texts are equal however they were set.
            let index = self.texts.firstIndex { $0.flag < flag } ?? self.texts.endIndex
            self.texts.insert(Text(flag: flag, octets: newValue), at: index)
        }
    }
}
