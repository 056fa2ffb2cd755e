using Ardir.Core;
using TorchSharp.Modules;

namespace Ardir.Distillation;

/// <summary>
/// The weights of the student during one run: the network that attacks and evaluations see, the tensors that the optimiser trains, and
/// the state that is saved. A subclass decides in which precision the student computes.
/// </summary>
internal abstract class StudentWeights(nn.Module<Tensor, Tensor> student) : IDisposable
{
    /// <summary>Prepares the student for a run. Disposing gives it back as it was, with the trained weights.</summary>
    public static StudentWeights Of(nn.Module<Tensor, Tensor> student, TrainingPrecision precision) =>
        precision == TrainingPrecision.BFloat16 ? new BFloat16Weights(student) : new FullWeights(student);

    /// <summary>The caller's module. It computes in the precision of the run.</summary>
    public nn.Module<Tensor, Tensor> Student { get; } = student;

    /// <summary>The student for attacks and evaluations: takes images of <see cref="ImageDType"/> and returns logits of that
    /// dtype.</summary>
    public abstract nn.Module<Tensor, Tensor> Network { get; }

    /// <summary>The dtype of the images.</summary>
    public abstract ScalarType ImageDType { get; }

    /// <summary>What the optimiser works on, by the names of the student's parameters; only parameters that require a
    /// gradient.</summary>
    public abstract IReadOnlyList<(string Name, Parameter Weight)> Trained { get; }

    /// <summary>The student's output and features on some images, in the dtype of the images, for the loss.</summary>
    public abstract TappedOutput Forward(IFeatureTap tap, Tensor images);

    /// <summary>Called before the backward passes of a step.</summary>
    public abstract void BeginGradients();

    /// <summary>Gives the gradients of the backward passes to the tensors of <see cref="Trained"/>.</summary>
    public abstract void TakeGradients();

    /// <summary>Gives the student the values of <see cref="Trained"/>, after they changed.</summary>
    public abstract void Publish();

    /// <summary>Weights and buffers as they are saved and averaged. Live tensors, not copies.</summary>
    public abstract Dictionary<string, Tensor> State();

    /// <summary>Copies a saved state into the student; refuses names and shapes that do not match.</summary>
    public abstract void Load(IReadOnlyDictionary<string, Tensor> state, string source);

    public abstract void Dispose();
}
