namespace Ardir.Core;

/// <summary>Lets, or does not let, matrix products and convolutions on NVIDIA GPUs round their inputs to TF32 (10 bits of mantissa) while it lives. The settings
/// are the process's; they get back what they were.</summary>
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
