namespace Ardir.Distillation;

/// <summary>Allows or forbids matrix products and convolutions on NVIDIA GPUs to round their inputs to TF32 (10 bits of mantissa). The
/// settings apply to the whole process; disposing this restores the previous ones.</summary>
internal sealed class Tf32Scope : IDisposable
{
    private readonly bool _products = backends.cuda.matmul.allow_tf32;
    private readonly bool _convolutions = backends.cudnn.allow_tf32;

    public Tf32Scope(bool allow) => Set(allow, allow);

    public void Dispose() => Set(_products, _convolutions);

    private static void Set(bool products, bool convolutions)
    {
        backends.cuda.matmul.allow_tf32 = products;
        backends.cudnn.allow_tf32 = convolutions;
    }
}
