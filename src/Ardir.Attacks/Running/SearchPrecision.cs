namespace Ardir.Attacks;

/// <summary>In which precision an attack computes the gradients that it follows. What it finds is judged in the precision of the model in
/// any case.</summary>
public enum SearchPrecision
{
    /// <summary>That of the model.</summary>
    Full,

    /// <summary>Convolutions and linear layers with float32 weights compute in bfloat16: about half the time on a GPU with tensor cores, or
    /// on a CPU that multiplies bfloat16 itself (AVX-512 BF16, AMX); on any other CPU it is slower. A gradient differs in its third digit,
    /// so that a search takes another path, and an attack may find other images.</summary>
    BFloat16,
}
