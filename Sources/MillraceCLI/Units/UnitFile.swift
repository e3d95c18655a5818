import Millrace

/// A file by which somebody else starts and ends a supervisor: a unit, a manifest, a Compose file.
struct UnitFile {
    let path: String
    let text: String

    /// What it says about the end.
    ///
    /// - Throws: Why it can not be read as what it is.
    func findings(_ end: EndTime) throws(YAMLProblem) -> [UnitFinding] {
        if SystemdUnit.isOne(self.text) || self.path.hasSuffix(".service") {
            return SystemdUnit(self.text).findings(end)
        }
        return ManifestUnits(try YAMLFields.documents(self.text, file: self.path)).findings(end)
    }
}
