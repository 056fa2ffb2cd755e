using Ardir.Core;

namespace Ardir.Distillation;

/// <summary>Puts other weights and buffers into a student; disposing restores its own, also after an exception.</summary>
internal sealed class WeightSwap : IDisposable
{
    private readonly nn.Module _student;
    private readonly Dictionary<string, Tensor> _own;

    public WeightSwap(nn.Module student, IReadOnlyDictionary<string, Tensor> others)
    {
        _student = student;
        _own = StudentState.Copies(student.state_dict());
        Copy(others);
    }

    public void Dispose()
    {
        Copy(_own);
        foreach (var value in _own.Values) value.Dispose();
    }

    private void Copy(IReadOnlyDictionary<string, Tensor> source)
    {
        using var noGrad = no_grad();
        foreach (var (name, value) in _student.state_dict()) value.copy_(source[name]);
    }
}
