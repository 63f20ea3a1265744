"""The parts of Hallmark, one package each. They meet only in `contracts/`."""
