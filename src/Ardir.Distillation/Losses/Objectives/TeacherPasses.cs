namespace Ardir.Distillation;

/// <summary>The pass of the teacher that <see cref="TeacherData"/> names.</summary>
internal static class TeacherPasses
{
    public static NetworkPass Pass(this TeacherData data) => data is TeacherData.RobustAdversarial or TeacherData.CleanAdversarial
        ? NetworkPass.TeacherAdversarial
        : NetworkPass.TeacherClean;
}
