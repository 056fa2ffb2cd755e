using Ardir.Core;
using TorchSharp.Modules;

namespace Ardir.Distillation;

/// <summary>A student that is trained in the precision of its own weights: the optimiser works on the student's parameters
/// themselves.</summary>
internal sealed class FullWeights(nn.Module<Tensor, Tensor> student) : StudentWeights(student)
{
    public override nn.Module<Tensor, Tensor> Network => Student;

    public override ScalarType ImageDType { get; } = student.parameters().First().dtype;

    public override IReadOnlyList<(string Name, Parameter Weight)> Trained { get; } =
        [.. student.named_parameters().Where(pair => pair.parameter.requires_grad)];

    public override TappedOutput Forward(IFeatureTap tap, Tensor images) => tap.Forward(images);

    public override void BeginGradients()
    {
    }

    public override void TakeGradients()
    {
    }

    public override void Publish()
    {
    }

    public override Dictionary<string, Tensor> State() => new(Student.state_dict(), StringComparer.Ordinal);

    public override void Load(IReadOnlyDictionary<string, Tensor> state, string source) => StudentState.Load(Student, state, source);

    public override void Dispose()
    {
    }
}
